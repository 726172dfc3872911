"""What production mode refuses before anything is opened: parts of development, foreign rules."""

from foundation.errors import Message, Unavailable
from foundation.settings import Mode, Settings
from service.tokens import TokenIssuer


def check_mode(settings: Settings, issuer: TokenIssuer) -> None:
    """Raise Unavailable where production was asked for with what only development may have."""
    if settings.mode is Mode.PRODUCTION and issuer.development:
        raise Unavailable(
            "development_issuer_in_production",
            Message(
                "生产模式不得使用内置开发令牌签发器；请配置统一身份认证（OIDC）。",
                "Production refuses the built-in development issuer; configure an OIDC issuer.",
            ),
            field="mode",
            rule="I10",
        )
    if settings.mode is Mode.PRODUCTION and settings.policies is not None:
        raise Unavailable(
            "foreign_rules_in_production",
            Message(
                "生产模式只使用随版本发布的规则包；请删除 SANDGATE_POLICIES。",
                "Production uses the rule pack shipped with this version; unset SANDGATE_POLICIES.",
            ),
            field="policies",
            rule="I10",
        )
