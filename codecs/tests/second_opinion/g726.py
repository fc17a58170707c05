#!/usr/bin/env python3
"""ITU-T G.726 at 32 kbit/s, block by block as its section 4 has them, in the order of its names: slow, and plain to compare.

    g726.py encode < sound.s16 > codes      an octet for two samples, the earlier one in the upper half (AAL2)
    g726.py decode < codes > sound.s16
"""
import struct
import sys

WI = [-12, 18, 41, 64, 112, 198, 355, 1122]
FI = [0, 0, 0, 1, 1, 1, 3, 7]
DQLN = [-2048, 4, 135, 213, 273, 323, 373, 425]
QUAN = [-124, 80, 178, 246, 300, 349, 400]  # where |I| becomes 1, 2, … 7


def exponent(magnitude):
    return magnitude.bit_length()


def floating(sign, magnitude):
    """FLOATA, FLOATB."""
    exp = exponent(magnitude)
    return (sign << 10) + (exp << 6) + (32 if magnitude == 0 else (magnitude << 6) >> exp)


def fmult(an, srn):
    ans = an >> 15
    anmag = (16384 - (an >> 2)) & 8191 if ans else an >> 2
    anexp = exponent(anmag)
    anmant = 32 if anmag == 0 else (anmag << 6) >> anexp
    wanexp = ((srn >> 6) & 15) + anexp
    wanmant = ((srn & 63) * anmant + 48) >> 4
    if wanexp <= 26:
        wanmag = (wanmant << 7) >> (26 - wanexp)
    else:
        wanmag = ((wanmant << 7) << (wanexp - 26)) & 32767
    return (65536 - wanmag) & 65535 if (srn >> 10) ^ ans else wanmag


class State:
    def __init__(self):
        self.sr = [32, 32]
        self.a = [0, 0]
        self.b = [0] * 6
        self.dq = [32] * 6
        self.dms = self.dml = self.ap = self.td = 0
        self.yu, self.yl = 544, 34816
        self.pk = [0, 0]

    def predict(self):
        """LIMA, MIX, FMULT, ACCUM."""
        al = 64 if self.ap >= 256 else self.ap >> 2
        dif = (self.yu + 16384 - (self.yl >> 6)) & 16383
        difs = dif >> 13
        difm = (16384 - dif) & 8191 if difs else dif
        prodm = (difm * al) >> 6
        prod = (16384 - prodm) & 16383 if difs else prodm
        self.y = ((self.yl >> 6) + prod) & 8191
        sezi = sum(fmult(b, dq) for b, dq in zip(self.b, self.dq)) & 65535
        sei = (sezi + fmult(self.a[1], self.sr[1]) + fmult(self.a[0], self.sr[0])) & 65535
        self.sez, self.se = sezi >> 1, sei >> 1

    def quantise(self, sl):
        """SUBTA, LOG, SUBTB, QUAN; sl has 14 bits and a sign of 16."""
        se = self.se | (32768 if self.se >> 14 else 0)
        d = (sl - se) & 65535
        ds = d >> 15
        dqm = (65536 - d) & 32767 if ds else d
        exp = max(exponent(dqm) - 1, 0)
        dl = (exp << 7) + (((dqm << 7) >> exp) & 127)
        dln = (dl - (self.y >> 2)) & 4095
        dln = dln - 4096 if dln >> 11 else dln
        size = sum(dln >= limit for limit in QUAN)
        return 15 - size if ds or size == 0 else size

    def update(self, i):
        """RECONST to TRIGB: what a code does; gives the reconstructed signal."""
        dqs = i >> 3
        size = 15 - i if dqs else i
        dql = (DQLN[size] + (self.y >> 2)) & 4095
        dex, dmn = (dql >> 7) & 15, dql & 127
        dqmag = 0 if dql >> 11 else ((128 + dmn) << 7) >> (14 - dex)
        # TRANS, with what was before.
        ylint, ylfrac = self.yl >> 15, (self.yl >> 10) & 31
        thr1 = (32 + ylfrac) << ylint
        thr2 = 31 << 10 if ylint > 9 else thr1
        tr = dqmag > (thr2 + (thr2 >> 1)) >> 1 and self.td == 1
        # FUNCTW, FILTD, LIMB, FILTE.
        dif = ((WI[size] << 5) + 131072 - self.y) & 131071
        difsx = (dif >> 5) + 4096 if dif >> 16 else dif >> 5
        yut = (self.y + difsx) & 8191
        geul, gell = ((yut + 11264) & 16383) >> 13, ((yut + 15840) & 16383) >> 13
        yup = 544 if gell == 1 else 5120 if geul == 0 else yut
        dif = (yup + ((1048576 - self.yl) >> 6)) & 16383
        ylp = (self.yl + (dif + 507904 if dif >> 13 else dif)) & 524287
        # ADDB, ADDC, FLOATA, FLOATB.
        dqi = (65536 - dqmag) & 65535 if dqs else dqmag
        sei = self.se | (32768 if self.se >> 14 else 0)
        sezi = self.sez | (32768 if self.sez >> 14 else 0)
        sr = (dqi + sei) & 65535
        dqsez = (dqi + sezi) & 65535
        pk0, sigpk = dqsez >> 15, dqsez == 0
        dq0 = floating(dqs, dqmag)
        sr0 = floating(sr >> 15, (65536 - sr) & 32767 if sr >> 15 else sr)
        # UPA2, LIMC.
        a1, a2 = self.a
        pks1, pks2 = pk0 ^ self.pk[0], pk0 ^ self.pk[1]
        if a1 >> 15 == 0:
            fa1 = a1 << 2 if a1 <= 8191 else 8191 << 2
        else:
            fa1 = (a1 << 2) & 131071 if a1 >= 57345 else 24577 << 2
        fa = fa1 if pks1 else (131072 - fa1) & 131071
        uga2b = ((114688 if pks2 else 16384) + fa) & 131071
        uga2 = 0 if sigpk else (uga2b >> 7) + 64512 if uga2b >> 16 else uga2b >> 7
        ula2 = (65536 - ((a2 >> 7) + (65024 if a2 >> 15 else 0))) & 65535
        a2t = (a2 + uga2 + ula2) & 65535
        a2p = 53248 if 32768 <= a2t <= 53248 else 12288 if 12288 <= a2t <= 32767 else a2t
        # UPA1, LIMD.
        uga1 = 0 if sigpk else 192 if pks1 == 0 else 65344
        ula1 = (65536 - ((a1 >> 8) + (65280 if a1 >> 15 else 0))) & 65535
        a1t = (a1 + uga1 + ula1) & 65535
        a1ul, a1ll = (15360 + 65536 - a2p) & 65535, (a2p + 65536 - 15360) & 65535
        a1p = a1ll if 32768 <= a1t <= a1ll else a1ul if a1ul <= a1t <= 32767 else a1t
        # XOR, UPB.
        bp = []
        for b, dq in zip(self.b, self.dq):
            ugb = 0 if dqmag == 0 else 65408 if dqs ^ (dq >> 10) else 128
            ulb = (65536 - ((b >> 8) + (65280 if b >> 15 else 0))) & 65535
            bp.append((b + ugb + ulb) & 65535)
        # TONE, TRIGB.
        tdp = 1 if 32768 <= a2p < 53760 else 0
        self.a, self.b, self.td = ([0, 0], [0] * 6, 0) if tr else ([a1p, a2p], bp, tdp)
        # FUNCTF, FILTA, FILTB, SUBTC, FILTC, TRIGA.
        fi = FI[size]
        dif = ((fi << 9) + 8192 - self.dms) & 8191
        self.dms = (self.dms + ((dif >> 5) + 3840 if dif >> 12 else dif >> 5)) & 4095
        dif = ((fi << 11) + 32768 - self.dml) & 32767
        self.dml = (self.dml + ((dif >> 7) + 16128 if dif >> 14 else dif >> 7)) & 16383
        dif = ((self.dms << 2) + 32768 - self.dml) & 32767
        difm = (32768 - dif) & 16383 if dif >> 14 else dif
        ax = 0 if self.y >= 1536 and difm < self.dml >> 3 and tdp == 0 else 1
        dif = ((ax << 9) + 2048 - self.ap) & 2047
        app = (self.ap + ((dif >> 4) + 896 if dif >> 10 else dif >> 4)) & 1023
        self.ap = 256 if tr else app
        # The delays.
        self.yu, self.yl = yup, ylp
        self.pk = [pk0, self.pk[0]]
        self.sr = [sr0, self.sr[0]]
        self.dq = [dq0] + self.dq[:5]
        return sr


def main():
    state, data = State(), sys.stdin.buffer.read()
    if sys.argv[1] == "encode":
        codes = []
        for (sample,) in struct.iter_unpack("<h", data):
            state.predict()
            code = state.quantise((sample >> 2) & 65535)
            state.update(code)
            codes.append(code)
        sys.stdout.buffer.write(bytes(a << 4 | b for a, b in zip(codes[::2], codes[1::2])))
    else:
        for octet in data:
            for code in (octet >> 4, octet & 15):
                state.predict()
                sr = state.update(code)
                sample = (sr - 65536 if sr >> 15 else sr) * 4
                sys.stdout.buffer.write(struct.pack("<h", max(-32768, min(32767, sample))))


main()
