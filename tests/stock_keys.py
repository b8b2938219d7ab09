"""Keys and a signature that the stock tool minisign 0.11 wrote; none is used for anything."""

SUMS = b"hello sums\n"
#: Written by `minisign -G -W`, and the signature by `minisign -S`.
PUBLIC = "RWRKzlkml5YzuBacCDsKC6pbqRIBjF5X65kHHplPkVRfcbrEFH/YVE+w"
SECRET = """untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAASs5ZJpeWM7iAJ5st8nSOydFR9Mfg+\
YqSFotTPYpgGrox2k9CumT9phacCDsKC6pbqRIBjF5X65kHHplPkVRfcbrEFH/YVE+wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
AAAAAA=
"""
SIGNED = """untrusted comment: signature from minisign secret key
RURKzlkml5YzuAd4UGk+Avxi5TbAKiqoKM3avR8UgGlNzvJnCz6ymHlF7QNuH/GbykiRMJBdf51wWfwvkX17NIfbc5aPXfarLAg=
trusted comment: case 7: signed by the stock tool
Rm++GcRAQh28M8sTsXmR0PID1RWTZEF1q32Vjfek5uvb1sntLaQkMBLdQ7Fs3fGB/NGjMQ+zZMLjpGGjHEVsCQ==
"""
#: Written by `minisign -G` with the password "pw1", and its public key.
LOCKED = """untrusted comment: stock test key
RWRTY0Iy/5+Z6jroTBE5ev1e6ZL9EtM+1AyA1py1j1SMatH5/dYAAAACAAAAAAAAAEAAAAAAFQkVMvocmMRzuGqj/Q6ll0Hb\
ChfbZgWxa71V4IwzN5j6jDHROZev2JcJVJCjuxEomo0Vqbfvi+9PnJKr3fy0Zol/mwY3Er5WZ5Ibd7ZEmMUPesBHwJjvc4lw\
Luc6b4yPakMy10offOw=
"""
OF_LOCKED = "RWR3Zv5kY+fw1yVR4qvmm119Fcln80GekXF7N9wmAVS3xmtZOPgaVBu0"
