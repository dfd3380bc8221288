"""Settings of the process: `SAMPAN_…` variables, else `sampan.toml`, else the default.

Project settings (limits, times, payee) are not here but in `domain.project`; `docs/settings.md`
documents both.
"""

import re
from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

_SENDER: Final = re.compile(
    r"(?P<named>\"?(?P<name>[^<>\"\x00-\x1f\x7f]*?)\"?\s*<)?"
    r"(?P<address>[^\s<>@,;:()\[\]\"\\]+@[^\s<>@,;:()\[\]\"\\]+)(?(named)>)"
)
"""`shop@tea.example` or `Tea House <shop@tea.example>`; the name may stand in quotes."""


class Settings(BaseSettings):
    """Every setting of the process, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="SAMPAN_",
        toml_file="sampan.toml",
        extra="ignore",
        frozen=True,
        # What was refused may be a secret, and errors end up in logs.
        hide_input_in_errors=True,
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
    statements_folder: str = Field(
        default="",
        description="Folder whose sub-folders (`fps-ID` of an account) are watched for bank files. "
        "Empty: none.",
    )
    smtp_host: str = Field(
        default="",
        description="Server that takes e-mail for customers and staff. Empty: no e-mail is sent; "
        "links are shown, to be sent by hand.",
    )
    smtp_port: int = Field(
        default=587,
        ge=1,
        le=65535,
        description="Port of that server: 587 for STARTTLS, 465 for TLS.",
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="`starttls`: TLS before anything else is said, or no mail; `tls`: TLS from the "
        "first byte; `none`: no TLS, for a relay on the same machine.",
    )
    smtp_username: str = Field(default="", description="Name to sign in with. Empty: no sign-in.")
    smtp_password: SecretStr = Field(
        default=SecretStr(""), description="Password to sign in with; ASCII, and only over TLS."
    )
    mail_from: str = Field(
        default="",
        validate_default=True,
        description="Who e-mail is from: `shop@tea.example` or `Tea House <shop@tea.example>`. "
        "Needed with `SAMPAN_SMTP_HOST`.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        default="text", description="`json` for machines, `text` for people."
    )

    @field_validator("smtp_password")
    @classmethod
    def _fit_to_be_sent(cls, password: SecretStr, info: ValidationInfo) -> SecretStr:
        secret = password.get_secret_value()
        if secret and info.data.get("smtp_security") == "none":
            raise ValueError("a password is sent over TLS only; set SAMPAN_SMTP_SECURITY")
        if not secret.isascii() or not info.data.get("smtp_username", "").isascii():
            raise ValueError("name and password have to be ASCII")
        return password

    @field_validator("mail_from")
    @classmethod
    def _is_a_sender(cls, sender: str, info: ValidationInfo) -> str:
        if sender and not _SENDER.fullmatch(sender):
            raise ValueError("not an e-mail address, nor a name with one in angle brackets")
        if not sender and info.data.get("smtp_host"):
            raise ValueError("with SAMPAN_SMTP_HOST it has to be set")
        return sender

    @property
    def mail_sender(self) -> tuple[str, str]:
        """The sender's name, which may be empty, and address, as `mail_from` says them."""
        found = _SENDER.fullmatch(self.mail_from)
        return (found["name"] or "", found["address"]) if found else ("", "")

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
