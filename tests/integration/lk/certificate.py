"""A private CA and a certificate of its making, for servers that a test starts."""
import os
import subprocess


def make(directory, *names):
    """Paths of (CA, certificate, key), all PEM. `names`: host names and addresses that the certificate is for."""
    ca, cert, key = (os.path.join(directory, name) for name in ("ca.pem", "cert.pem", "key.pem"))
    alternatives = ",".join(("IP:" if name.replace(".", "").isdigit() or ":" in name else "DNS:") + name for name in names)
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    _openssl("req", "-x509", *new_key, "-keyout", ca + ".key", "-out", ca, "-subj", "/CN=test CA")
    _openssl("req", "-x509", *new_key, "-keyout", key, "-out", cert, "-subj", f"/CN={names[0]}", "-CA", ca, "-CAkey", ca + ".key",
             "-addext", f"subjectAltName={alternatives}", "-addext", "basicConstraints=critical,CA:FALSE")
    return ca, cert, key


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
