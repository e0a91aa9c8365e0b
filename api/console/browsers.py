"""The name of a browser in a few words, by which a person recognises its own sign-ins: "Firefox on Linux".

Written by hand: libraries that read user agents know thousands of devices, and are updated for each. A wrong guess does
no harm here, and the whole header would tell more about a person than its list needs.
"""

BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
"""Words in the header, each before those of browsers that it pretends to be."""
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def in_few_words(agent: str) -> str | None:
    """Return the browser and the system of a `User-Agent`, or None for one that names neither."""
    browser = next((name for word, name in BROWSERS.items() if word in agent), None)
    system = next((name for word, name in SYSTEMS.items() if word in agent), None)
    return " on ".join(name for name in (browser, system) if name) or None
