"""The filter form of a list, read as a browser reads it: with the fields that it would send, empty ones too."""

from html.parser import HTMLParser


class Filters(HTMLParser):
    """The filter form of a page. fields: what "Show" sends if nobody touches anything."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._inside = False
        self._choice = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a field. Of a choice, the value that is marked counts, else the first."""
        given = {name: value or "" for name, value in attrs}
        self._inside = given.get("class") == "filters" if tag == "form" else self._inside
        if not self._inside:
            return
        if tag == "select":
            self._choice = given["name"]
        elif tag == "option" and (self._choice not in self.fields or "selected" in given):
            self.fields[self._choice] = given["value"]
        elif tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Note the end of the form."""
        self._inside = self._inside and tag != "form"
