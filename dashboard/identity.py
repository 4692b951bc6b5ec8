"""Who is asking, and what that role may do.

One login-less principal exists so far: ``local``, for a dashboard that only this machine can reach.
Everything that writes takes a Principal, so that a configured login changes this module alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from db.errors import NotPermitted

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection


class Role(IntEnum):
    """What a person may do; each role may do all that the lower ones may."""

    VIEWER = 1
    ANALYST = 2
    ENGINEER = 3
    LEAD = 4
    ADMIN = 5


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, or the machine's own user, with a role."""

    name: str
    role: Role


LOCAL = Principal("local", Role.ADMIN)


def current_principal() -> Principal:
    """Say who is asking: without a configured login, the local user."""
    return LOCAL


def principal_of(request: HTTPConnection) -> Principal:
    """Say who sent a request to a route: without a configured login, the local user.

    Raises NotPermitted where a login is configured, which ASGI leaves as ``user`` in the request's scope:
    no route knows yet which role that is, and whoever the process itself stands for has not asked.
    """
    principal = current_principal()
    if principal != LOCAL or "user" in request.scope:
        raise NotPermitted("This address does not know who you are: fetch the file on the page Jobs.")
    return principal


def require(principal: Principal, role: Role, action: str) -> None:
    """Let ``principal`` go on, or raise NotPermitted naming the action and the role it needs."""
    if principal.role < role:
        raise NotPermitted(
            f"{principal.name} may not {action}: it needs the role {role.name.lower()}, "
            f"and {principal.name} has {principal.role.name.lower()}."
        )
