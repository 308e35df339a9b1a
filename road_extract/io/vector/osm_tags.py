"""Tags of ways in OpenStreetMap files: which attribute becomes which key, and notes for people who check the roads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from road_extract.base.errors import InputError
from road_extract.base.osm import LEVEL_KEYS, MAX_TAG_LENGTH
from road_extract.base.version import __version__

BRIDGED = "bridges a gap in the detected road: check"
_HIGHWAY, _SOURCE = "road", f"road_extract {__version__}"
_DIGITS = 1
_EXAMPLE = "such as width=width_m or surface==unpaved"


@dataclass(frozen=True, slots=True)
class TagRule:
    """How to find the value of a key.

    Attributes:
        key: The key.
        attribute: Name of the attribute that has the value; empty for a text.
        text: The value, if it is a text.
        digits: Decimals of numbers.
        values: Values of the tag by values of the attribute; others give no tag. None takes all values unchanged.
    """

    key: str
    attribute: str = ""
    text: str = ""
    digits: int = _DIGITS
    values: Mapping[str, str] | None = None


def read_tag_rules(text: str | None) -> tuple[TagRule, ...]:
    """Read rules from text such as ``width=width_m,surface==unpaved``, or from the ``.json`` file that it names.

    The file contains an object with a value for each key: a text, or an object with ``from`` (an attribute), and
    optionally ``digits`` (decimals of numbers) and ``values`` (an object that translates values).

    Raises:
        InputError: If they cannot be used.
    """
    if text is None:
        return ()
    rules = _from_file(Path(text)) if text.lower().endswith(".json") else [_from_text(part) for part in text.split(",")]
    keys = [rule.key for rule in rules]
    for rule in rules:
        _check_key(rule.key)
        _check_value(rule.key, rule.text)
        if keys.count(rule.key) > 1:
            raise InputError(f"the tag {rule.key!r} is specified more than once; specify it only once")
    return tuple(rules)


def check_tagged(rules: Sequence[TagRule], out: Path, suffixes: Iterable[str]) -> None:
    """Check that a file can hold the tags.

    Args:
        rules: The user's rules.
        out: The file.
        suffixes: Those of formats with tags.

    Raises:
        InputError: If it cannot.
    """
    if rules and out.suffix.lower() not in suffixes:
        raise InputError(f"{out}: has no OpenStreetMap tags; leave out --osm-tags, or write {' or '.join(suffixes)}")


def _from_text(part: str) -> TagRule:
    key, sign, value = part.partition("=")
    if not sign or not key.strip() or value in ("", "="):
        if sign and value == "=":  # an empty text leaves the tag out
            return TagRule(key.strip())
        raise InputError(f"{part!r} is not a rule for a tag; expected KEY=ATTRIBUTE or KEY==TEXT, {_EXAMPLE}")
    if value.startswith("="):
        return TagRule(key.strip(), text=value[1:].strip())
    return TagRule(key.strip(), attribute=value.strip())


def _from_file(path: Path) -> list[TagRule]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); expected an object of tags") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: contains no JSON object; expected one with a value for each key, {_EXAMPLE}")
    return [_from_json(path, key, value) for key, value in values.items()]


def _from_json(path: Path, key: str, value: Any) -> TagRule:
    if isinstance(value, str):
        return TagRule(key, text=value)
    known = isinstance(value, dict) and not set(value) - {"from", "digits", "values"}
    if not known or not isinstance(value.get("from"), str):
        raise InputError(f'{path}: the tag {key!r} has {value!r}; expected a text, or an object with "from"')
    digits, values = value.get("digits", _DIGITS), value.get("values")
    if not isinstance(digits, int) or not 0 <= digits <= 15:
        raise InputError(f"{path}: the tag {key!r} has {digits!r} digits; expected 0 to 15")
    if values is not None and not (isinstance(values, dict) and all(isinstance(to, str) for to in values.values())):
        raise InputError(f'{path}: the "values" of the tag {key!r} are {values!r}; expected an object of texts')
    for to in (values or {}).values():
        _check_value(key, to)
    return TagRule(key, attribute=value["from"], digits=digits, values=values)


def _check_key(key: str) -> None:
    if not key or len(key) > MAX_TAG_LENGTH or re.search(r"[\s=\x00-\x1f\x7f<>&\"']", key):
        raise InputError(
            f"{key[:60]!r} cannot be the key of a tag; expected 1 to {MAX_TAG_LENGTH} characters without spaces"
        )


def _check_value(key: str, value: str) -> None:
    if len(value) > MAX_TAG_LENGTH or re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", value):
        raise InputError(
            f"{value[:40]!r}... cannot be the value of the tag {key!r}: it has {len(value)} characters or unprintable "
            f"ones; OpenStreetMap takes at most {MAX_TAG_LENGTH}"
        )


def check_attributes(rules: Iterable[TagRule], attributes: Iterable[str]) -> None:
    """Check that the roads have the attributes that the rules name.

    Raises:
        InputError: If one is missing.
    """
    names = sorted(attributes)
    for rule in rules:
        if rule.attribute and rule.attribute not in names:
            raise InputError(
                f"the roads have no attribute {rule.attribute!r} for the tag {rule.key!r}; they have: "
                f"{', '.join(names) or 'none'}"
            )


def make_tags(
    rules: Iterable[TagRule], row: Mapping[str, Any], notes: Iterable[str] = (), *, source: str = _SOURCE
) -> dict[str, str]:
    """The tags of a way.

    Args:
        rules: The user's rules.
        row: Attributes of the road.
        notes: What to check, for the tag ``fixme``.
        source: The tag ``source``, if no rule gives another; cut if it is too long.

    Raises:
        InputError: If a value is too long.
    """
    # the level is taken without being asked for, because it decides which roads meet
    tags = {key: text for key in LEVEL_KEYS if (text := _to_text(row.get(key), 0)) not in ("", "no", "0")}
    tags |= {"highway": _HIGHWAY, "source": source[:MAX_TAG_LENGTH]}
    for rule in rules:
        value = _to_text(row.get(rule.attribute), rule.digits) if rule.attribute else rule.text
        if rule.values is not None:
            value = rule.values.get(value, "")
        _check_value(rule.key, value)
        tags[rule.key] = value
    tags["highway"] = tags.get("highway") or _HIGHWAY
    if notes := [*dict.fromkeys(note for note in notes if note)]:
        tags["fixme"] = "; ".join([*([tags["fixme"]] if tags.get("fixme") else []), *notes])[:MAX_TAG_LENGTH]
    return {key: value for key, value in tags.items() if value}


def _to_text(value: Any, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        text = f"{value:.{digits}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text) if value == value else ""
    return str(value).strip()
