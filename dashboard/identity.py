"""Who is asking, and what that role may do.

One login-less principal exists so far: ``local``, for a dashboard that only this machine can reach.
Everything that writes takes a Principal, so that a configured login changes this module alone.
"""

from dataclasses import dataclass
from enum import IntEnum

from db.errors import NotPermitted


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


def require(principal: Principal, role: Role, action: str) -> None:
    """Let ``principal`` go on, or raise NotPermitted naming the action and the role it needs."""
    if principal.role < role:
        raise NotPermitted(
            f"{principal.name} may not {action}: it needs the role {role.name.lower()}, "
            f"and {principal.name} has {principal.role.name.lower()}."
        )
