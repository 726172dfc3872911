"""The only reader of the environment: ``SANDGATE_…`` variables into one frozen object."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

GIBIBYTE = 1 << 30
MEBIBYTE = 1 << 20


class Mode(StrEnum):
    """Development plays on any host; production refuses to start without every limit (I10)."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Where this service keeps its state, what it listens on, and how much a session may use.

    No setting can change noise, thresholds, masks or shares: those are policy files.
    """

    model_config = SettingsConfigDict(env_prefix="SANDGATE_", frozen=True)

    home: Path = Path(".sandgate")
    mode: Mode = Mode.DEVELOPMENT
    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8600, ge=0, le=65535)
    language: str = "zh"
    log_origin: str = "sandgate.example/log"
    platform_host: str = "sandgate.localhost"
    login_issuers: Path | None = None
    public_url: str = Field(default="", pattern=r"^(https?://[a-z0-9.-]+(:[0-9]{1,5})?)?$")
    session_environment: Path = Path(".venv-session")
    bubblewrap: Path | None = None
    session_backend: str = Field(default="bubblewrap", pattern=r"^(bubblewrap|gvisor)$")
    runsc: Path | None = None
    policies: Path | None = None
    founding: Path | None = None
    jurisdiction: str = Field(default="national", pattern=r"^[a-z][a-z0-9-]{0,62}$")
    key_holder: str = Field(default="", pattern=r"^(|embedded|process|/.+)$")
    data_cipher: str = Field(default="AES-256-GCM", pattern=r"^(AES-256-GCM|SM4-GCM)$")
    sm_profile: bool = False
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: str = Field(default="starttls", pattern=r"^(tls|starttls|none)$")
    smtp_sender: str = ""
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_authorities: Path | None = None
    webhook_hosts: str = Field(default="", pattern=r"^[A-Za-z0-9.*:, -]*$")
    webhook_inner_hosts: str = Field(default="", pattern=r"^[A-Za-z0-9.:, -]*$")
    pkcs11_module: Path | None = None
    pkcs11_token: str = ""
    pkcs11_pin_file: Path | None = None
    authority_key: str = ""
    source_connections: Path | None = None
    witnesses: Path | None = None
    witness_home: Path | None = None
    session_memory_bytes_max: int = 2 * GIBIBYTE
    session_pids_max: int = 256
    session_home_bytes_max: int = 256 * MEBIBYTE
    session_files_max: int = Field(default=65_536, ge=1_024)
    session_processors_max: float = Field(default=2.0, ge=0.1)
    session_idle_seconds_max: int = 1_800
    session_wall_seconds_max: int = 43_200
    session_memory_budget_bytes: int = Field(default=0, ge=0)
    session_memory_committed_bytes: int = Field(default=256 * MEBIBYTE, ge=64 * MEBIBYTE)
    session_slots_floor: int = Field(default=1, ge=0, le=1_000)
    session_slots_ceiling: int = Field(default=8, ge=0, le=1_000)
    session_slot_seconds_max: int = Field(default=1_800, ge=60)
    session_preload: str = Field(default="pandas,pyarrow", pattern=r"^([a-z_]+(,[a-z_]+)*)?$")
    worker_memory_bytes_max: int = 2 * GIBIBYTE
    workers_resident_max: int = 6
    aggregate_processors: str = Field(default="", pattern=r"^(\d{1,3}(,\d{1,3})*)?$")

    @property
    def kept_processors(self) -> frozenset[int]:
        """The processors that private answers are computed on, and no session; none: all shared."""
        return frozenset(int(item) for item in self.aggregate_processors.split(",") if item)

    @property
    def other_processors(self) -> frozenset[int]:
        """The processors of everybody else where some are kept; none: all are shared."""
        return self._present() - self.kept_processors if self.kept_processors else frozenset()

    @model_validator(mode="after")
    def _leaves_a_processor(self) -> Self:
        kept = self.kept_processors
        if kept and not kept < self._present():
            raise ValueError(
                "aggregate_processors must name some of this host's processors, and not all: "
                f"{sorted(self._present())}"
            )
        return self

    @staticmethod
    def _present() -> frozenset[int]:
        return frozenset(os.sched_getaffinity(0))

    @property
    def platform_origin(self) -> str:
        """The origin under which browsers reach the platform; behind a TLS proxy it is set."""
        return self.public_url or f"http://{self.platform_host}:{self.port}"

    @property
    def control_store_url(self) -> str:
        """The URL of the control store: SQLite in the home directory unless one is set."""
        return self.database_url or f"sqlite:///{self.home.resolve()}/control.db"
