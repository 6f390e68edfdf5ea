-- Knot Resolver as a public resolver of the lab. @WORDS@ are filled in by tests/it/lab/recursor.rs.
log_target('stderr')
net.ipv6 = false
net.listen('@ADDRESS@', 53, { kind = 'dns' })
net.tls('@DIR@/certificate.pem', '@DIR@/key.pem')
net.listen('@ADDRESS@', 853, { kind = 'tls' })
net.listen('@ADDRESS@', 443, { kind = 'doh2' })
cache.open(10 * MB, 'lmdb://@DIR@/cache')
-- The default lifts every TTL to five seconds: the lab wants the authority's own.
cache.min_ttl(0)
-- The private tree: its root, its servers on loopback (glue in 127/8 is thrown away otherwise), nothing signed.
option('ALLOW_LOCAL', true)
trust_anchors.remove('.')
modules.load('hints')
hints.root({ ['a.root.'] = '@ROOT@' })
modules.load('nsid')
nsid.name('kresd-1')
-- These ask the world outside.
modules.unload('ta_signal_query')
modules.unload('priming')
modules.unload('detect_time_skew')
@SETTINGS@
