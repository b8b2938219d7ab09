"""Makes a JPEG with a C2PA manifest, signed by a certificate that is made for it."""

from __future__ import annotations

import datetime
import io

import c2pa
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
USES = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "encipher_only", "decipher_only")  # fmt: skip


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Org"),
        ]
    )


def _certificate(common, key, signer, authority: bool) -> bytes:
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(_name("Test root"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                **dict.fromkeys(USES, False),
            ),
            True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
    )
    if not authority:
        uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(uses, True)
    return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def signed_jpeg(pixels: np.ndarray) -> bytes:
    """A JPEG of ``pixels`` that says that a model made it."""
    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = _certificate("Test signer", key, root, False) + _certificate(
        "Test root", root, root, True
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, secret, None))
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE}
    builder = c2pa.Builder(
        {
            "claim_generator_info": [{"name": "a test", "version": "1"}],
            "title": "a picture",
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
        }
    )
    plain, out = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels).save(plain, "JPEG")
    plain.seek(0)
    builder.sign(signer, "image/jpeg", plain, out)
    return out.getvalue()
