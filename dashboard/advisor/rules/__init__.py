"""Every rule there is, in the order they are asked; the page, the command line and the tests walk this."""

from __future__ import annotations

from dashboard.advisor.advice import Rule
from dashboard.advisor.rules.cheaper import CHEAPER
from dashboard.advisor.rules.data import DATA
from dashboard.advisor.rules.indexes import INDEXES
from dashboard.advisor.rules.ivfflat import IVFFLAT
from dashboard.advisor.rules.need import NEED
from dashboard.advisor.rules.plans import PLANS
from dashboard.advisor.rules.server import SERVER
from dashboard.advisor.rules.space import SPACE
from dashboard.advisor.rules.vacuum import VACUUM

RULES: tuple[Rule, ...] = (*CHEAPER, *NEED, *PLANS, *INDEXES, *IVFFLAT, *SPACE, *DATA, *VACUUM, *SERVER)
"""What costs no recall stands before what does.  P1, F2 and their like, in a source, are rules of the plan
doctor."""

RULE = {rule.key: rule for rule in RULES}
