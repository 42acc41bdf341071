// Verifies the signature of a coverage profile with Digital Bazaar's eddsa-jcs-2022, independently of Proofmark.
//
//     npm ci && node verify.mjs profile.json

import {readFileSync} from 'node:fs';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {createVerifyCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import jsigs from 'jsonld-signatures';

const profile = JSON.parse(readFileSync(process.argv[2], 'utf8'));

// A did:key needs no network: its document follows from its name.
async function documentLoader(url) {
  const [did, fragment] = url.split('#');
  const method = {
    '@context': 'https://w3id.org/security/multikey/v1',
    id: `${did}#${did.slice('did:key:'.length)}`,
    type: 'Multikey',
    controller: did,
    publicKeyMultibase: did.slice('did:key:'.length),
  };
  const document = fragment ? method : {'@context': 'https://www.w3.org/ns/did/v1', id: did, assertionMethod: [method]};
  return {contextUrl: null, documentUrl: url, document};
}

const result = await jsigs.verify(profile, {
  suite: new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()}),
  purpose: new jsigs.purposes.AssertionProofPurpose(),
  documentLoader,
});
if(!result.verified) {
  console.error('refused:', result.error?.errors?.[0]?.message ?? result.error?.message);
  process.exit(1);
}
console.log('valid: @digitalbazaar/eddsa-jcs-2022-cryptosuite');
