"""What production mode refuses before anything is opened: parts of development, foreign rules.

People sign in at an issuer of their own, over TLS; a home in which development once issued tokens
or signed for the authority is not a home for production.
"""

from collections.abc import Sequence

from foundation.errors import Message, Unavailable
from foundation.settings import Mode, Settings
from service.key_opening import KEYS, OF_DEVELOPMENT
from service.login.configuration import IssuerConfiguration


def check_mode(settings: Settings, issuers: Sequence[IssuerConfiguration]) -> None:
    """Raise Unavailable where production was asked for with what only development may have."""
    if settings.mode is not Mode.PRODUCTION:
        return
    if not issuers:
        raise _refused(
            "development_issuer_in_production",
            "login_issuers",
            "生产模式不得使用内置开发令牌签发器；请配置统一身份认证（OIDC）。",
            "Production refuses the built-in development issuer; configure an OIDC issuer.",
        )
    if not settings.public_url.startswith("https://"):
        raise _refused(
            "public_url_not_https",
            "public_url",
            "生产模式须经 HTTPS 访问；请将 SANDGATE_PUBLIC_URL 设为平台的 https 网址。",
            "Production is reached over HTTPS; set SANDGATE_PUBLIC_URL to its https address.",
        )
    if settings.policies is not None:
        raise _refused(
            "foreign_rules_in_production",
            "policies",
            "生产模式只使用随版本发布的规则包；请删除 SANDGATE_POLICIES。",
            "Production uses the rule pack shipped with this version; unset SANDGATE_POLICIES.",
        )
    left = [name for name in sorted(OF_DEVELOPMENT) if any((settings.home / KEYS).glob(f"{name}*"))]
    if left:
        raise _refused(
            "development_keys_in_production",
            "home",
            f"该目录曾用于开发或演示（存有密钥 {'、'.join(left)}），不得用于生产；请换用新目录。",
            f"This home was used for development or a demonstration (it holds {', '.join(left)}); "
            "production needs a home of its own.",
        )


def _refused(code: str, field: str, zh: str, en: str) -> Unavailable:
    return Unavailable(code, Message(zh, en), field=field, rule="I10")
