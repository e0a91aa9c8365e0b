"""The summary of a pack on paper: how to check it, how many were licensed for each course, an index of its people."""

from collections.abc import Iterable
from typing import Any

import orjson

from shared import access
from shared.packs import Pack
from shared.services.pack_sheets import as_of, head_of, typeset_for
from shared.texts import N_, Words, language_of

SUMMARY = "summary.pdf"

CHECK = (
    N_("The sheets say what the files of people say. Those prove each event, and all proofs lead to one head."),
    N_(
        "Compare this head with one that was published, or that you wrote down, where %(name)s cannot write. "
        "Then check hashes and proofs as README.txt says."
    ),
)


def summary_of(people: Iterable[bytes], pack: Pack, organization: access.Organization) -> bytes:
    """Return the summary of a pack in the organization's language. people: the files of its people.

    It counts from these files, so it cannot say something else than they do.
    """
    words = Words(language_of(organization.language), organization.time_zone, pack.asked_at)
    courses: dict[str, dict[str, Any]] = {}
    index: list[list[str]] = []
    for person in map(orjson.loads, people):
        for each in person["onTheDay"]:
            told = {"title": each["courseTitle"], "code": each["courseCode"], "yes": 0, "no": 0}
            courses.setdefault(each["courseId"], told)["yes" if each["licensed"] else "no"] += 1
        licensed = words.number(sum(each["licensed"] for each in person["onTheDay"]))
        name = f"{person['displayName']}, {person['partyId']}" if person["displayName"] else person["partyId"]
        index.append([f"{person['number']:04}", name, f"({licensed})"])
    in_order = sorted(courses.values(), key=lambda one: (one["title"], one["code"]))
    counted = [one | {name: words.number(one[name]) for name in ("yes", "no")} for one in in_order]
    title = words.filled(N_("Pack of %(day)s"), day=words.written(pack.on_day))
    shown = _shown(pack, organization, words) | {"holder": title, "courses": counted, "people": index}
    return typeset_for("pack", shown, pack, words, f"{title} - {organization.name}")


def _shown(pack: Pack, organization: access.Organization, words: Words) -> dict[str, Any]:
    asked = words.filled(N_("Asked for by %(member)s on %(at)s"), member=pack.asked_by, at=words.exactly(words.now))
    number = words.texts("%(num)d person", "%(num)d people", pack.people) % {"num": pack.people}
    return {
        "organization": organization.name,
        "heading": words.text(N_("Summary of a pack")),
        "about": " · ".join([as_of(pack, organization, words), number, asked]),
        "page": words.text(N_("Page")),
        "checkHeading": words.text(N_("How an outsider checks it")),
        "check": [words.filled(each, name=organization.name) for each in CHECK],
        "head": head_of(pack),
        "coursesHeading": words.text(N_("Licences on that day")),
        "courseColumns": [words.text(each) for each in (N_("Course"), N_("Valid"), N_("Not valid"))],
        "noCourses": words.text(N_("Nobody held a licence.")),
        "coursesNote": words.text(
            N_("If no courses were chosen, only people who ever held a licence of the course are counted.")
        ),
        "peopleHeading": words.text(N_("People")),
        "peopleNote": words.text(N_("The number of each sheet, the person, and for how many courses it was licensed.")),
    }
