"""A real TUF repository in a folder, made with tuf's own metadata API, as sigstore instances publish theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

ROLES = ("root", "timestamp", "snapshot", "targets")


@dataclass
class TufRepository:
    """Root, targets, snapshot and timestamp by one key each; ``publish`` writes the next version of all but root."""

    folder: Path
    signers: dict[str, CryptoSigner] = field(
        default_factory=lambda: {role: CryptoSigner.generate_ecdsa() for role in ROLES}
    )
    version: int = 0
    expires: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(days=1))

    @property
    def root_path(self) -> Path:
        return self.folder / "1.root.json"

    def publish(self, targets: dict[str, bytes]) -> None:
        """Write targets and metadata, consistent snapshots on."""
        self.version += 1
        if self.version == 1:
            self._write_root()
        signed = Targets(version=self.version, expires=self.expires)
        (self.folder / "targets").mkdir(exist_ok=True)
        for name, data in targets.items():
            file = TargetFile.from_data(name, data, ["sha256"])
            signed.targets[name] = file
            (self.folder / "targets" / f"{file.hashes['sha256']}.{name}").write_bytes(data)
        self._write("targets", Metadata(signed), f"{self.version}.targets.json")
        snapshot = Snapshot(version=self.version, expires=self.expires)
        snapshot.meta["targets.json"] = MetaFile(version=self.version)
        self._write("snapshot", Metadata(snapshot), f"{self.version}.snapshot.json")
        stamp = Timestamp(version=self.version, expires=self.expires)
        stamp.snapshot_meta = MetaFile(version=self.version)
        self._write("timestamp", Metadata(stamp), "timestamp.json")

    def _write_root(self) -> None:
        root = Root(version=1, expires=self.expires, consistent_snapshot=True)
        for role, signer in self.signers.items():
            root.add_key(signer.public_key, role)
        self._write("root", Metadata(root), "1.root.json")

    def _write(self, role: str, metadata: Metadata, name: str) -> None:
        metadata.sign(self.signers[role])
        metadata.to_file(str(self.folder / name))
