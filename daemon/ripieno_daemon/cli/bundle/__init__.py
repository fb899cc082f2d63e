"""Commands about bundles and releases: sealed, packed, signed, compared, installed."""
