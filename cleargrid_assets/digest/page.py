"""The HTML page of a digest. It refers to nothing outside of itself."""

import base64
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cleargrid_assets.contracts import STAGES, TABLES
from cleargrid_assets.contracts.views import OPERATIONAL_BASELINES
from cleargrid_assets.digest.content import Digest
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.pictures.text import MISSING, dated

if TYPE_CHECKING:
    from markupsafe import Markup


def page(digest: Digest) -> str:
    """Renders the page. Everything that is no constant of this project is escaped."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - takes a moment to load

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(dated=dated, instant=_instant, data_uri=_data_uri, markdown=_definition)
    template = environment.from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    return template.render(digest=digest, stages=STAGES, missing=MISSING, tables=[*TABLES, OPERATIONAL_BASELINES])


def _instant(at: datetime) -> str:
    return f"{at.astimezone(BUSINESS_ZONE):%a %Y-%m-%d %H:%M}"


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _definition(markdown: str) -> "Markup":
    """The Markdown of a contract as HTML."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - takes a moment to load
    from markupsafe import Markup  # noqa: PLC0415

    return Markup(MarkdownIt("commonmark", {"html": False}).render(markdown))  # noqa: S704 - a constant
