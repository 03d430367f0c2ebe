"""Settings of an executor: defaults, below ``NBX_*`` variables, below what the caller says."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class Settings(BaseSettings):
    """What an operator may want to change for all runs; times are in seconds.

    Each field can be set by the environment: ``NBX_START_TIMEOUT=120``.
    """

    model_config = SettingsConfigDict(env_prefix="NBX_", frozen=True, extra="forbid")

    start_timeout: float = Field(60.0, gt=0, description="until a kernel must have answered")
    interrupt_grace: float = Field(2.0, ge=0, description="from an interrupt to SIGTERM")
    terminate_grace: float = Field(0.3, ge=0, description="from SIGTERM to SIGKILL")
    shutdown_grace: float = Field(5.0, ge=0, description="for an idle kernel to exit by itself")
    iopub_timeout: float = Field(
        10.0, gt=0, description="of silence, after a cell's reply, until outputs count as lost"
    )
    output_limit: int = Field(
        10 * MIB, gt=0, description="characters of output kept a cell; the whole goes to a file"
    )
    state_dir: str | None = Field(
        None, description="where runs are recorded when the root cannot be written"
    )
