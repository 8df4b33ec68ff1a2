"""Start flags that keep a browser quiet and without network access of its own.

With these flags it makes few requests of its own. Those end at `NOWHERE`, or at a page's proxy, which
lets through only what the page has named (`libra.weighing.rendered.proxy.asked_hosts`).
"""

from __future__ import annotations

NOWHERE = "http://127.0.0.1:9"
"""The discard port: a proxy for the browser's own requests, which therefore fail."""

_NO_FEATURES = (
    "IsolateOrigins",
    "site-per-process",
    "Translate",
    # What an address bar may show. Each window prepares it in a process of its own, which took half of
    # the processor time of a small page.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    # The vendor's services: forms, models, hints, lists and time.
    "AutofillServerCommunication",
    "OptimizationHints",
    "OptimizationHintsFetching",
    "OptimizationGuideModelDownloading",
    "NetworkTimeServiceQuerying",
    "CertificateTransparencyComponentUpdater",
    # Features that search the network for screens, and for names of WebRTC candidates (mDNS). WebRTC
    # does not collect the addresses that those names would hide: see below.
    "MediaRouter",
    "DialMediaRouteProvider",
    "WebRtcHideLocalIpsWithMdns",
    "AsyncDns",
    "DnsOverHttpsUpgrade",
    # Error reports that a server asks for. They are not part of the page.
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
    "--disable-dev-shm-usage",  # containers have only 64 MB there, so pages crash
    # Report a mouse: a machine without one would get the style for phones.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
    # Do not throttle a window that nobody looks at.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # One DevTools session sees all frames of a page only if they share its process. A context lives for
    # one page and holds no secret of another site, so isolating frames would protect nothing.
    "--disable-site-isolation-trials",
    f"--disable-features={','.join(_NO_FEATURES)}",
    # No network access except through a page's proxy, not even to loopback.
    f"--proxy-server={NOWHERE}",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # the name in older versions
)
