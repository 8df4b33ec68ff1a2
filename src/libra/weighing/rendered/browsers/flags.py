"""What a browser is told at its start: to be quiet, and to know no way to the network.

It asks for little by itself then, and what it asks for ends at `NOWHERE`, or at the proxy of a page,
which lets through only what that page has named (`libra.weighing.rendered.proxy.asked_hosts`).
"""

from __future__ import annotations

NOWHERE = "http://127.0.0.1:9"
"""The discard port: a proxy for the browser's own errands, which therefore come to nothing."""

_NO_FEATURES = (
    "IsolateOrigins",
    "site-per-process",
    "Translate",
    # Services of the browser's maker: of forms, models, hints, lists and the time.
    "AutofillServerCommunication",
    "OptimizationHints",
    "OptimizationHintsFetching",
    "OptimizationGuideModelDownloading",
    "NetworkTimeServiceQuerying",
    "CertificateTransparencyComponentUpdater",
    # What looks around in the network: for screens, and for names of WebRTC's candidates (mDNS). Their
    # addresses, which those names would hide, are not gathered: see below.
    "MediaRouter",
    "DialMediaRouteProvider",
    "WebRtcHideLocalIpsWithMdns",
    "AsyncDns",
    "DnsOverHttpsUpgrade",
    # What a server wants to be told of its failures. It is no part of the page.
    "Reporting",
    "NetworkErrorLogging",
)
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--no-pings",
    "--metrics-recording-only",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
    "--disable-dev-shm-usage",  # containers have 64 MB there, and pages crash
    # People have a mouse: a machine without one would get the style of phones.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
    # A window that nobody looks at is not to be slowed down.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # One DevTools session sees all frames of a page only if they share its process. A context lives
    # for one page and holds no secret of another site that isolation could keep from a frame.
    "--disable-site-isolation-trials",
    f"--disable-features={','.join(_NO_FEATURES)}",
    # No way to the network but a page's proxy, loopback included.
    f"--proxy-server={NOWHERE}",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # its name in older versions
)
