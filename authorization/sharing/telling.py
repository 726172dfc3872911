"""Tells a request's two sides what was decided about it: the words of sharing's notices.

Told to the roles whose work it is, never to one person: a notice names the case and the state, and
repeats no reason, record or row.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection

from audit.events import PendingEntry
from authorization.sharing.parts import DECIDERS, STAFF, entry_name
from authorization.sharing.states import STATE_NAMES, Share, ShareState, move
from catalog.entries import Bilingual
from catalog.notices.outbox import Notice, Recipient, enqueue
from foundation.errors import Message

REQUESTER_TOLD: Mapping[ShareState, Message] = MappingProxyType(
    {
        ShareState.REFUSED: Message(
            "请查看理由和依据；有争议的，可提请协调。",
            "Read the reason and its basis; a dispute may be brought to coordination.",
        ),
        ShareState.APPROVED: Message(
            "提供单位将在法定期限内供给。", "The provider supplies within the legal term."
        ),
        ShareState.SUPPLIED: Message("现在可以取用。", "The data can be fetched now."),
        ShareState.SUSPENDED: Message(
            "供给已停止。请整改并说明措施。",
            "Delivery stands still. Put it right and say what was done.",
        ),
        ShareState.TERMINATED: Message(
            "请销毁已取得的数据，并由负责人确认。",
            "Destroy what was delivered and have the head certify it.",
        ),
    }
)
PROVIDER_TOLD: Mapping[ShareState, Message] = MappingProxyType(
    {
        ShareState.WITHDRAWN: Message("无需再办理。", "Nothing is left to decide."),
        ShareState.SUSPENDED: Message(
            "数据主管部门或本单位已暂停供给。", "You or the data authority stopped delivery."
        ),
        ShareState.TERMINATED: Message("供给已终止。", "Delivery has ended for good."),
        ShareState.DISPOSED: Message(
            "使用单位已确认销毁，可查看销毁证明。",
            "The using department certified destruction; see its certificate.",
        ),
    }
)
RESUMED = Message("整改已通过，恢复供给。", "What was put right was accepted; delivery goes on.")


def move_and_tell(
    connection: Connection,
    entry: PendingEntry,
    share: Share,
    to: ShareState,
    **changes: object,
) -> Share:
    """Move a request, and write its notices with the entry. Raises Conflict as ``move`` does."""
    moved = move(connection, entry, share, to, **changes)
    _tell_moved(connection, entry, moved, share.state)
    return moved


def _tell_moved(
    connection: Connection, entry: PendingEntry, share: Share, before: ShareState
) -> None:
    requester = REQUESTER_TOLD.get(share.state)
    if share.state is ShareState.IN_USE and before is ShareState.RECTIFYING:
        requester = RESUMED
    house = Recipient(organisation=share.requester, roles=STAFF)
    _tell(connection, entry, share, house, requester)
    if before is not ShareState.DRAFT:
        house = Recipient(organisation=share.provider, roles=DECIDERS)
        _tell(connection, entry, share, house, PROVIDER_TOLD.get(share.state))


def _tell(
    connection: Connection,
    entry: PendingEntry,
    share: Share,
    house: Recipient,
    words: Message | None,
) -> None:
    if words is None:
        return
    name, state = entry_name(connection, share.entry), STATE_NAMES[share.state]
    notice = Notice(
        kind="share.moved",
        subject=share.id,
        to=(house,),
        title=Bilingual(
            zh=f"共享申请{share.case_number}：{state.zh}",
            en=f"Request {share.case_number}: {state.en}",
        ),
        body=Bilingual(zh=f"《{name.zh}》：{words.zh}", en=f"{name.en}: {words.en}"),
        data={"share": share.id, "case": share.case_number, "state": str(share.state)},
    )
    enqueue(connection, entry, notice)
