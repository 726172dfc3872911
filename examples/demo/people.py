"""Who plays: organisations and people of the story, registered and given development tokens."""

from examples.demo.stage import Caller, Stage

AUTHORITY = "data_authority"
OPERATOR = "pearl_data_operation"
ENTERPRISE = "harbour_analytics"
REVIEW = "release_review_centre"
REGULATOR = "cyberspace_regulator"
DEPARTMENTS = {
    "households": "finance_bureau",
    "colleges": "education_bureau",
    "flights": "transport_bureau",
    "states": "transport_bureau",
}
ORGANISATIONS = (
    ("finance_bureau", "provider", "示例市财政局", "Example City Finance Bureau"),
    ("education_bureau", "provider", "示例市教育局", "Example City Education Bureau"),
    ("transport_bureau", "provider", "示例市交通运输局", "Example City Transport Bureau"),
    (OPERATOR, "operator", "珠江数据运营公司", "Pearl River Data Operation"),
    (ENTERPRISE, "developer", "海港数据分析公司", "Harbour Analytics"),
    (REVIEW, "platform", "出域审核中心", "Release Review Centre"),
    (REGULATOR, "regulator", "网信监管部门", "Cyberspace Regulator"),
    ("public_finance", "finance", "示例市财政（公共财政）", "Public finance"),
)
PEOPLE = (
    ("approver", AUTHORITY, "authority"),
    ("finance_steward", "finance_bureau", "provider"),
    ("finance_head", "finance_bureau", "department_head"),
    ("education_steward", "education_bureau", "provider"),
    ("education_head", "education_bureau", "department_head"),
    ("transport_steward", "transport_bureau", "provider"),
    ("transport_head", "transport_bureau", "department_head"),
    ("analyst", OPERATOR, "operator"),
    ("buyer", ENTERPRISE, "developer"),
    ("checker_one", REVIEW, "checker"),
    ("checker_two", REVIEW, "checker"),
    ("auditor", REGULATOR, "regulator"),
)
STEWARD_OF = {
    "households": "finance_steward",
    "colleges": "education_steward",
    "flights": "transport_steward",
    "states": "transport_steward",
}


def names_of_organisations(stage: Stage) -> dict[str, dict[str, str]]:
    """Return each organisation's name in both languages."""
    founder = stage.callers["founder"]
    found = founder.get("/organisations")["organisations"]
    return {item["id"]: {"zh": item["name_zh"], "en": item["name_en"]} for item in found}


def register_everyone(stage: Stage, founder: Caller) -> None:
    """Register all organisations and people, and give each person a token.

    Nobody registers people alone: the founder proposes, the security administrator confirms.
    """
    security = stage.caller("security_admin", stage.command("token", "security_admin").strip())
    for identifier, kind, name_zh, name_en in ORGANISATIONS:
        body = {"id": identifier, "kind": kind, "name_zh": name_zh, "name_en": name_en}
        founder.post("/organisations", body)
    for number, (identifier, organisation, role) in enumerate(PEOPLE):
        person = {
            "id": identifier,
            "name": identifier.replace("_", " "),
            "organisations": [organisation],
            "roles": [role],
            "accounts": [{"name": identifier, "organisation": organisation}],
        }
        wanted = {
            "change": {"kind": "person", "person": person},
            "identity": {"kind": "passport_demo", "number": f"DEMO{number:06}"},
        }
        grant = founder.post("/role-grants", wanted)["id"]
        security.post(f"/role-grants/{grant}/confirm")
        token = founder.post("/tokens", {"account": identifier})["token"]
        stage.caller(identifier, token)
