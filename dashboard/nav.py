"""The pages, as data: file, title, icon, section, and the lowest role that sees them."""

from dataclasses import dataclass
from pathlib import Path

from dashboard.identity import Principal, Role

PAGES_DIRECTORY = Path(__file__).resolve().parents[1] / "pages"


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page of the navigation; ``file`` lies in ``pages/``."""

    file: str
    title: str
    icon: str
    section: str
    role: Role = Role.VIEWER
    hidden: bool = False
    """Reached by links alone: it is about one thing that the address names."""

    @property
    def path(self) -> Path:
        """Where the page's script lies."""
        return PAGES_DIRECTORY / self.file


PAGES = (
    PageEntry("overview.py", "Overview", ":material/space_dashboard:", "Explore"),
    PageEntry("data.py", "Data", ":material/table_rows:", "Explore"),
    PageEntry("search.py", "Search", ":material/search:", "Explore"),
    PageEntry("inspection.py", "Inspect", ":material/query_stats:", "Explore"),
    PageEntry("map.py", "Map", ":material/scatter_plot:", "Explore"),
    PageEntry("item.py", "Item", ":material/article:", "Explore", hidden=True),
    PageEntry("indexes.py", "Indexes", ":material/account_tree:", "Tune"),
    PageEntry("benchmarks.py", "Benchmarks", ":material/speed:", "Tune"),
    PageEntry("advisor.py", "Advisor", ":material/lightbulb:", "Tune"),
    PageEntry("seed.py", "Seed & import", ":material/upload:", "Operate", Role.ENGINEER),
    PageEntry("jobs.py", "Jobs", ":material/manufacturing:", "Operate"),
    PageEntry("admin.py", "Admin", ":material/admin_panel_settings:", "Operate", Role.LEAD),
)


def pages_for(principal: Principal) -> dict[str, list[PageEntry]]:
    """Group the pages this principal may see by section, in order."""
    sections: dict[str, list[PageEntry]] = {}
    for page in PAGES:
        if principal.role >= page.role:
            sections.setdefault(page.section, []).append(page)
    return sections
