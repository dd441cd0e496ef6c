// The unmodified sigstore-js packages: `sign URL TOKEN ARTIFACT VERSION` prints a bundle over a statement and one over
// the artifact, one a line; `verify ROOT ARTIFACT IDENTITY ISSUER BUNDLE...` ends with 0 only if all verify.
const fs = require("node:fs");

async function sign([url, token, second, artifact, version]) {
  const { DSSEBundleBuilder, FulcioSigner, MessageSignatureBundleBuilder, RekorWitness, TSAWitness } = require("@sigstore/sign");
  const { bundleToJSON } = require("@sigstore/bundle");
  const witnesses = () => [
    new RekorWitness({ rekorBaseURL: url, majorApiVersion: Number(version), retry: 0, timeout: 10000 }),
    ...(version === "2" ? [new TSAWitness({ tsaBaseURL: `${url}/api/v1/timestamp`, retry: 0, timeout: 10000 })] : []),
  ];
  const signer = (given) =>
    new FulcioSigner({ fulcioBaseURL: url, identityProvider: { getToken: async () => given }, retry: 0, timeout: 10000 });
  const data = fs.readFileSync(artifact);
  const builders = [
    new MessageSignatureBundleBuilder({ signer: signer(token), witnesses: witnesses() }),
    new DSSEBundleBuilder({ signer: signer(second), witnesses: witnesses() }),
  ];
  for (const builder of builders)
    console.log(JSON.stringify(bundleToJSON(await builder.create({ data, type: "application/vnd.in-toto+json" }))));
}

function verify([root, artifact, identity, issuer, ...bundles]) {
  const { bundleFromJSON } = require("@sigstore/bundle");
  const { TrustedRoot } = require("@sigstore/protobuf-specs");
  const { toSignedEntity, toTrustMaterial, Verifier } = require("@sigstore/verify");
  const read = (path) => JSON.parse(fs.readFileSync(path, "utf8"));
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(read(root))), {
    ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1,
  });
  for (const path of bundles) {
    const bundle = bundleFromJSON(read(path));
    const content = bundle.content.$case === "messageSignature" ? fs.readFileSync(artifact) : undefined;
    verifier.verify(toSignedEntity(bundle, content), { subjectAlternativeName: `^${identity}$`, extensions: { issuer } });
  }
}

const [command, ...rest] = process.argv.slice(2);
Promise.resolve({ sign, verify }[command](rest)).catch((error) => {
  console.error(error.code, error.message, error.cause);
  process.exit(1);
});
