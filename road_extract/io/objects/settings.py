"""Endpoints and credentials from the environment, under GDAL's names, so that one set of variables serves both."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from road_extract.base.errors import InputError

#: The scheme of each kind of store, and the variables in which its credentials are usually found.
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_ACCESS_KEY, or AZURE_STORAGE_CONNECTION_STRING",
}

_TRUE = ("1", "YES", "TRUE", "ON")
#: Where credentials of a machine's or a pod's role come from: then a file of profiles is not looked for.
_ROLES = (
    "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)  # fmt: skip


def read_settings(scheme: str, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Collect what obstore does not find in the environment by itself.

    Args:
        scheme: ``s3``, ``gs`` or ``az``.
        environment: The environment variables.

    Raises:
        InputError: If the variables contradict each other or are incomplete.
    """
    found = {"s3": _s3, "gs": _gs, "az": _az}[scheme](environment)
    return {name: value for name, value in found.items() if value not in (None, "", False)}


def _s3(env: Mapping[str, str]) -> dict[str, Any]:
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or env.get("AWS_ENDPOINT")
    if not endpoint and (host := env.get("AWS_S3_ENDPOINT")):
        plain = env.get("AWS_HTTPS", "YES").upper() not in _TRUE
        endpoint = host if "://" in host else f"{'http' if plain else 'https'}://{host}"
    return {
        "endpoint": endpoint,
        "region": env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION"),
        "skip_signature": _is_set(env, "AWS_NO_SIGN_REQUEST"),
        **({} if any(name in env for name in _ROLES) else _read_profile(env)),
    }


def _read_profile(env: Mapping[str, str]) -> dict[str, Any]:
    """Static keys and the region of a profile in the files that the AWS tools use."""
    folder = Path.home() / ".aws"
    name = env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE") or "default"
    files = configparser.RawConfigParser()
    try:
        files.read([
            env.get("AWS_CONFIG_FILE") or folder / "config",
            env.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials",
        ])  # fmt: skip
    except (configparser.Error, UnicodeDecodeError) as error:
        raise InputError(f"the files of AWS profiles cannot be read ({type(error).__name__}); correct them") from error
    parts = [dict(files[part]) for part in (f"profile {name}", name) if part in files]
    values = {key: value for part in parts for key, value in part.items()}
    if "AWS_PROFILE" in env and "aws_access_key_id" not in values:
        raise InputError(
            f"the AWS profile {name} has no access key; for a profile with a role or single sign-on, set the "
            "variables that `aws configure export-credentials --format env` prints"
        )
    region = None if env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") else values.get("region")
    return {
        "access_key_id": values.get("aws_access_key_id"),
        "secret_access_key": values.get("aws_secret_access_key"),
        "session_token": values.get("aws_session_token"),
        **({"region": region} if region else {}),
    }


def _gs(env: Mapping[str, str]) -> dict[str, Any]:
    endpoint = env.get("CPL_GS_ENDPOINT") or env.get("GOOGLE_BASE_URL")
    return {"base_url": (endpoint or "").rstrip("/"), "skip_signature": _is_set(env, "GS_NO_SIGN_REQUEST")}


def _az(env: Mapping[str, str]) -> dict[str, Any]:
    text = env.get("AZURE_STORAGE_CONNECTION_STRING", "")
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    account = env.get("AZURE_STORAGE_ACCOUNT") or env.get("AZURE_STORAGE_ACCOUNT_NAME") or parts.get("AccountName")
    endpoint = parts.get("BlobEndpoint") or env.get("AZURE_ENDPOINT")
    if not account:
        host = (urlsplit(endpoint).hostname or "") if endpoint else ""
        account = host.partition(".")[0]
    if not account:
        raise InputError("no storage account is known for az:// locations; set AZURE_STORAGE_ACCOUNT")
    return {
        "account_name": account,
        "endpoint": endpoint,
        "account_key": parts.get("AccountKey") or env.get("AZURE_STORAGE_ACCESS_KEY"),
        "sas_key": parts.get("SharedAccessSignature") or env.get("AZURE_STORAGE_SAS_TOKEN"),
        "skip_signature": _is_set(env, "AZURE_NO_SIGN_REQUEST"),
    }


def _is_set(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "").upper() in _TRUE
