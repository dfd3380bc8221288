"""Settings of the process: `SAMPAN_…` variables, else `sampan.toml`, else the default.

Project settings (limits, times, payee) are not here but in `domain.project`; `docs/settings.md`
documents both.
"""

from typing import Literal

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class Settings(BaseSettings):
    """Every setting of the process, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="SAMPAN_", toml_file="sampan.toml", extra="ignore", frozen=True
    )

    database_url: str = Field(
        default="sqlite:///sampan.db",
        description="`sqlite:///file.db` or `postgresql://user@host/name`.",
    )
    master_key: str = Field(
        default="",
        description="Seals the secrets of projects; at least 16 characters. Empty: a key is made "
        "once and kept in `sampan.key` beside the database file.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8700, ge=1, le=65535, description="Port to listen on.")
    base_url: str = Field(
        default="", description="Public address of this server. Empty: `http://host:port`."
    )
    run_workers: bool = Field(
        default=True, description="Whether `serve` also delivers callbacks and asks providers."
    )
    migrate_on_start: bool = Field(
        default=True, description="Whether `serve` and `work` bring the schema up to date first."
    )
    allow_private_callbacks: bool = Field(
        default=False,
        description="Whether callbacks may go to loopback and private addresses, by http too. For "
        "development.",
    )
    allow_http_callbacks: bool = Field(
        default=False, description="Whether callbacks may go to public addresses without TLS."
    )
    sandbox: bool = Field(
        default=True,
        description="Whether the sandbox bank is open. Switch off where only real accounts are "
        "used.",
    )
    require_second_factor: bool = Field(
        default=True,
        description="Whether people of the Dashboard whose role may change things must sign in "
        "with a second factor. Switch off for demonstrations alone.",
    )
    demo_shop_project: int = Field(
        default=0, ge=0, description="Project of the demo shop at `/shop/`; 0: no shop."
    )
    font_file: str = Field(
        default="",
        description="Font with Chinese for the QR images that customers save. Empty: one of the "
        "system, else Latin letters only.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        default="text", description="`json` for machines, `text` for people."
    )

    @property
    def public_url(self) -> str:
        """The public address, without a slash at its end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def own_url(self) -> str:
        """The address at which this server reaches itself."""
        everywhere = {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if self.host in everywhere else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put `sampan.toml` behind the environment."""
        del dotenv_settings
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, file_secret_settings, toml
