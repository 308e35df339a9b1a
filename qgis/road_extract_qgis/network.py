"""Passes QGIS's proxy and certificates on to other programs."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from qgis.core import QgsApplication, QgsNetworkAccessManager
from qgis.PyQt.QtNetwork import QNetworkProxy


def network_variables(folder: str) -> dict[str, str]:
    """Return environment variables with QGIS's settings for pip and uv. Call it in the main thread.

    Args:
        folder: Where the file with the certificates goes, if QGIS has any of the user's own.
    """
    return {**_proxy_variables(), **_certificate_variables(folder)}


def _proxy_variables() -> dict[str, str]:
    """Return variables instead of arguments, which other users can read: a proxy may have a password."""
    manager = QgsNetworkAccessManager.instance()
    proxy = manager.fallbackProxy()
    kinds = {QNetworkProxy.ProxyType.HttpProxy: "http", QNetworkProxy.ProxyType.Socks5Proxy: "socks5"}
    if proxy.type() not in kinds or not proxy.hostName():
        return {}
    user = f"{quote(proxy.user(), '')}:{quote(proxy.password(), '')}@" if proxy.user() else ""
    address = f"{kinds[proxy.type()]}://{user}{proxy.hostName()}:{proxy.port()}"
    variables = {"HTTP_PROXY": address, "HTTPS_PROXY": address, "ALL_PROXY": address}
    hosts = [part.split("//")[-1].split("/")[0] for part in [*manager.excludeList(), *_no_proxy(manager)]]
    if hosts:
        variables["NO_PROXY"] = ",".join(hosts)
    # Unix programs read the lower-case names
    return {**variables, **{name.lower(): value for name, value in variables.items()}}


def _no_proxy(manager: Any) -> list[str]:
    return list(manager.noProxyList()) if hasattr(manager, "noProxyList") else []


def _certificate_variables(folder: str) -> dict[str, str]:
    """Return certificates only if the user has added some to QGIS; pip knows those of the system."""
    manager = QgsApplication.authManager()
    if manager.isDisabled() or not (manager.databaseCAs() or manager.extraFileCAs()):
        return {}
    path = os.path.join(folder, "certificates.pem")
    os.makedirs(folder, exist_ok=True)
    with open(path, "wb") as file:
        for certificate in manager.trustedCaCerts():
            file.write(bytes(certificate.toPem()))
    return dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), path)
