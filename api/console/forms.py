"""Forms: what was sent, what is wrong with it and where, and the key that makes one job of a form that is sent twice.

A form has the names of the API's own fields, and is validated by the API's own model. So a fault of a verb, such as
`/recipients/3/entityId`, is shown beside the field `recipients`.
"""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

import orjson
from fastapi import Depends, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from api.console.frame import PreviewOutdated, Sent
from api.http.accepting import Acceptance, Releasing
from api.http.dependencies import Db, Now
from api.http.once import making, making_job
from api.http.problems import UnsupportedForm
from shared.errors import Fault, Problem
from shared.idempotency import Key, Making
from shared.jobs import Accepted
from shared.wire import About

Model = TypeVar("Model", bound=BaseModel)

KEY = "formKey"
"""The hidden field with a random text, made anew with each page."""

PREVIEWED = "previewOf"
"""The value of the button that does what a preview shows: the form's digest, and the number that the preview showed."""

FORM = "application/x-www-form-urlencoded"

MOST_FIELDS = 20_000


@dataclass(frozen=True)
class Form:
    """The content of a form: as it was sent, as it was typed before it was refused, or as the address suggests it."""

    values: dict[str, list[str]] = field(default_factory=dict)
    problem: Problem | None = None
    sent: bool = False
    labels: dict[str, str] = field(default_factory=dict)

    def call(self, name: str, label: str) -> str:
        """Note the label of a field, for the sum of the faults. Returns nothing to show."""
        self.labels[name] = label
        return ""

    @property
    def key(self) -> str:
        """The random text for the hidden field."""
        return self.text(KEY) or secrets.token_urlsafe(16)

    @property
    def digest(self) -> str:
        """A digest of all fields but the key and the preview's own, the same for what a browser sends once more."""
        said = {name: sorted(filter(None, map(_plain, values))) for name, values in self.values.items()}
        content = {name: values for name, values in said.items() if values and name not in (KEY, PREVIEWED)}
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]

    @property
    def outdated(self) -> bool:
        """True if it was confirmed after a preview of something else: nothing is wrong with any field of it."""
        return isinstance(self.problem, PreviewOutdated)

    @property
    def faults(self) -> list[Fault]:
        """All that is wrong, each with its place; the problem itself if it names no place."""
        if self.problem is None:
            return []
        return list(self.problem.errors) or [Fault("", self.problem.detail)]

    def text(self, name: str, default: str = "") -> str:
        """Return the content of a field."""
        return self.values.get(name, [default])[-1]

    def several(self, name: str) -> list[str]:
        """Return all values of a field that can have several."""
        return [value for value in self.values.get(name, []) if value]

    def checked(self, name: str, default: bool = False) -> bool:
        """True if a box is ticked. default: of a form that was not sent yet."""
        return name in self.values if self.values else default

    def place_of(self, fault: Fault) -> str:
        """The name of the field that a fault is about, empty if it is about none."""
        return field_of(fault)

    def faults_of(self, name: str) -> list[Fault]:
        """The faults of one field."""
        return [fault for fault in self.faults if field_of(fault) == name]

    def read(self, model: type[Model], *, lists: Collection[str] = (), **given: Any) -> Model:
        """Return the content as a request of the API. An empty field is not mentioned. Raises RequestValidationError.

        lists: the names of fields with several values. given: values that are made of other fields, by name in JSON.
        """
        names = {info.alias or name for name, info in model.model_fields.items()}
        body: dict[str, Any] = {name: self.several(name) for name in lists}
        body |= {name: self.text(name).strip() for name in self.values if name in names and name not in lists}
        body = {name: value for name, value in body.items() if value} | given
        try:
            return model.model_validate_json(orjson.dumps(body))
        except ValidationError as error:
            faults = [*error.errors(), *_of_whole(model, body, error)]
            raise RequestValidationError(
                [{**one, "loc": ("body", *one["loc"], *_about(one))} for one in faults]
            ) from None


def _of_whole(model: type[BaseModel], body: dict[str, Any], error: ValidationError) -> list[Any]:
    """Return what a model says of a request as a whole, which pydantic asks only if no field is wrong.

    A person is told everything at once. What cannot be asked of a field that is wrong or missing is left out.
    """
    if any(not one["loc"] for one in error.errors()):
        return []
    named = {
        name: body[info.alias or name] for name, info in model.model_fields.items() if (info.alias or name) in body
    }
    asked = model.model_construct(**named)
    faults = []
    for check in model.__pydantic_decorators__.model_validators.values():
        try:
            if check.info.mode == "after":
                check.func(asked)
        except ValueError as said:
            faults.append({"type": "value_error", "loc": (), "msg": f"Value error, {said}", "ctx": {"error": said}})
        except (AttributeError, TypeError):
            continue
    return faults


def _about(fault: Any) -> tuple[str, ...]:
    said = fault.get("ctx", {}).get("error")
    return (said.name,) if isinstance(said, About) else ()


def field_of(fault: Fault) -> str:
    """Return the name of the field that a fault is about: the first step of its pointer after `set` or `filter`."""
    return fault.pointer.lstrip("/?").removeprefix("set/").removeprefix("filter/").partition("/")[0]


def _plain(value: str) -> str:
    """Return a value without what a browser changes when it sends it once more: the kind of line ends, outer blanks."""
    return value.replace("\r\n", "\n").strip()


async def _form(request: Request) -> Form:
    refused: Sent | None = getattr(request.state, "refused", None)
    if refused is not None:
        return Form(refused.values, refused.problem, sent=True)
    if request.method != "POST":
        return Form(parse_qs(request.url.query, max_num_fields=MOST_FIELDS))
    body = await request.body()
    if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedForm("Send the form of the page.")
    text = body.decode(errors="replace").replace("%00", "")
    try:
        values = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise UnsupportedForm("The form has too many fields.") from None
    request.state.sent_form = values
    return Form(values, sent=True)


CurrentForm = Annotated[Form, Depends(_form)]


async def _key(request: Request, form: CurrentForm) -> Key | None:
    """Return the key of a form. It stands for its content too: going back and changing it makes something new."""
    if not form.text(KEY):
        return None
    content = {name: values for name, values in form.values.items() if name not in (KEY, PREVIEWED)}
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return Key(f"form-{form.text(KEY)[:64]}-{digest[:32]}", request.url.path, digest)


class Previewed:
    """Declares the route of the preview that a form must have had, as it is sent, before its own route does anything.

    The field of the preview is compared with the form, so that no page needs a rule for what may change between.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    async def __call__(self, form: CurrentForm) -> None:
        """Raise PreviewOutdated for a form whose preview was of something else, or which had none."""
        if form.text(PREVIEWED).partition(".")[0] != form.digest:
            raise PreviewOutdated("The form has changed since the preview. Look at it again.", self.path)


def previewed(path: str) -> Any:
    """Declare that a route does only what the route of this path has previewed: see `Previewed`."""
    return Depends(Previewed(path))


def need_number(form: Form, key: Key | None, path: str, count: Callable[[], int]) -> None:
    """Raise PreviewOutdated if the preview at this path would show another number now than it did.

    count: finds it. It is not asked for a form that is sent once more: that one is answered with what it has made.
    """
    shown = form.text(PREVIEWED).partition(".")[2]
    if shown.isdecimal() and (key is None or key.made is None) and (now := count()) != int(shown[:9]):
        raise PreviewOutdated(f"The preview showed {int(shown[:9])}; it is {now} now. Look at it again.", path)


FormKey = Annotated[Key | None, Depends(_key)]


async def _making_job(response: Response, db: Db, now: Now, key: FormKey) -> AsyncIterator[Key | None]:
    async with asynccontextmanager(making_job)(response, db, now, key) as known:
        yield known


async def _accepting(
    released: Releasing, key: Annotated[Key | None, Depends(_making_job, scope="function")]
) -> Acceptance:
    return replace(released, key=key)


FormAccepting = Annotated[Acceptance, Depends(_accepting, scope="function")]
"""For a page that submits a job: once for each form, however often it is sent."""


async def _making(response: Response, db: Db, now: Now, key: FormKey) -> AsyncIterator[Making]:
    async with asynccontextmanager(making)(response, db, now, key) as made:
        yield made


FORM_ONCE = Depends(_making, scope="function")
"""For a page that makes something else than a job, once for each form. It says what by `made(...)`."""


def made(response: Response, address: str) -> RedirectResponse:
    """Lead to the page of what a form has made, and note it for the same form sent again."""
    response.headers["Location"] = address
    return RedirectResponse(address, status.HTTP_303_SEE_OTHER)


def made_job(response: Response, accepted: Accepted, accepting: Acceptance) -> RedirectResponse:
    """Lead to the page of a submitted job, and wake the workers after the answer."""
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    accepting.wake()
    return RedirectResponse(f"/jobs/{accepted.job.id}", status.HTTP_303_SEE_OTHER)
