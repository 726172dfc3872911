"""The desks of sharing and of the data hall, joined once for an endpoint or a page."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audit.log_signers import SM2_WITH_SM3
from audit.notes import VerifierKey
from authorization.hall.queues import Queues
from authorization.hall.records import Records
from authorization.hall.seats import Seats
from authorization.sharing.applying import Applying
from authorization.sharing.deciding import Deciding
from authorization.sharing.delivery import Delivering
from authorization.sharing.demands import Demands
from authorization.sharing.parts import SharingParts
from authorization.sharing.promoting import Promoting
from authorization.sharing.responsibilities import Responsibilities
from authorization.sharing.sealing import SEAL_KEY, Sealing
from authorization.sharing.supplying import Supplying
from authorization.sharing.using import Using
from foundation.keys import KeyStore
from policies.schema.sharing import SharingRules
from service.bootstrap import Platform
from service.share_delivery import ShareDelivery


@dataclass(frozen=True)
class SharingDesks:
    """Everything an endpoint or page of sharing calls; ``home`` is where versions lie."""

    parts: SharingParts
    home: Path
    keys: KeyStore
    second: bool = False

    @cached_property
    def applying(self) -> Applying:
        """The requesting department's desk."""
        return Applying(**vars(self.parts))

    @cached_property
    def deciding(self) -> Deciding:
        """The providing department's desk."""
        return Deciding(**vars(self.parts))

    @cached_property
    def supplying(self) -> Supplying:
        """The desk that opens delivery."""
        return Supplying(**vars(self.parts))

    @cached_property
    def using(self) -> Using:
        """The desk of use, misuse and the end of use."""
        return Using(**vars(self.parts))

    @cached_property
    def demands(self) -> Demands:
        """The demand list."""
        return Demands(**vars(self.parts))

    @cached_property
    def responsibilities(self) -> Responsibilities:
        """The responsibility list and its matrix."""
        return Responsibilities(**vars(self.parts))

    @cached_property
    def promoting(self) -> Promoting:
        """The counter of promotion."""
        return Promoting(**vars(self.parts))

    @cached_property
    def seats(self) -> Seats:
        """The seats of the data hall and their duty."""
        return Seats(**vars(self.parts))

    @cached_property
    def queues(self) -> Queues:
        """The queues at the seats."""
        return Queues(**vars(self.parts))

    @cached_property
    def records(self) -> Records:
        """The duty records."""
        return Records(**vars(self.parts))

    @cached_property
    def sealing(self) -> Sealing:
        """The data-sharing seal."""
        return Sealing(self.parts, self.keys, self.second)

    @cached_property
    def delivery(self) -> ShareDelivery:
        """What hands over rows, batches and files."""
        return ShareDelivery(Delivering(**vars(self.parts)), self.home)


def sharing_of(platform: Platform) -> SharingDesks:
    """Return the desks of a platform."""
    parts = SharingParts(
        platform.engine,
        platform.writer,
        platform.clocks,
        platform.pack.rules(SharingRules),
        platform.pack.digest,
        platform.authority,
    )
    settings = platform.settings
    return SharingDesks(parts, settings.home, platform.keys, settings.sm_profile)


def seal_keys(platform: Platform) -> list[str]:
    """Return the seal's public keys as ``verify decision`` reads them: Ed25519, then SM2."""
    name = f"{platform.settings.log_origin}/seal"
    found = [VerifierKey(name, platform.keys.ensure_signing_key(SEAL_KEY)).text()]
    if platform.settings.sm_profile:
        chinese = platform.keys.ensure_sm2_key(SEAL_KEY)
        found.append(VerifierKey(name, chinese, SM2_WITH_SM3).text())
    return found
