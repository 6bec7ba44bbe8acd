"""Know who calls: an OAuth 2.0 resource server, or the word of a proxy that is trusted.

    caller          who a request comes from
    errors          why a caller is not recognised
    proxy           the word of a proxy
    verifier        access tokens: the whole of what follows
    known           tokens that were verified a short time ago
    tokens          JWTs (RFC 9068, RFC 8725)
    introspection   opaque tokens (RFC 7662)
    claims          what an issuer says → a caller
    keys            the issuer's public keys
    shelf           where they outlive a front-end
    discovery       the issuer's endpoints (RFC 8414, OpenID Connect)
    http            the way to the issuer
    clock           two clocks, which tests may move

Nothing here knows HTTP's server side: answers are made in runner.web. PyJWT and aiohttp, which only
`verifier` leads to, are imported where `auth` is configured and nowhere else.
"""
