"""Who may ask what: each endpoint with the accounts it lets in; all others are refused."""

from tests.endpoint_roles.departments import DEPARTMENTS
from tests.endpoint_roles.operations import OPERATIONS
from tests.endpoint_roles.oversight import OVERSIGHT

ROLES = DEPARTMENTS | OPERATIONS | OVERSIGHT
