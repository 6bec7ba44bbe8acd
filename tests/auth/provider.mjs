// A real authorization server for the tests: npm oidc-provider, with keys that can be rotated.
//
//   node provider.mjs NODE_MODULES PORT
//
// Clients: batch (client_credentials) and runner (introspection). A resource whose name has
// "opaque" in it gets opaque tokens, any other one JWTs by RFC 9068. A line on stdin replaces the
// signing key ("rotate": the last KEPT ones stay published; "drop": only the new one does); it is
// answered by the new kid. End of stdin ends the process.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [modules, port] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));

const KEPT = 100;
const issuer = `http://127.0.0.1:${port}`;
let keys = [];
let answer;

function renew(kept) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  keys = [{ ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }, ...keys];
  keys = keys.slice(0, kept);
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'batch',
        client_secret: 'batch-secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: 'runner',
        client_secret: 'runner:secret',
        grant_types: [],
        redirect_uris: [],
        response_types: [],
      },
    ],
    scopes: ['predict', 'models:read'],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource) => ({
          scope: 'predict models:read',
          audience: resource,
          accessTokenTTL: 600,
          accessTokenFormat: resource.includes('opaque') ? 'opaque' : 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
      revocation: { enabled: true },
    },
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  answer = provider.callback();
  return kid;
}

const first = renew(1);
const server = createServer((request, response) => answer(request, response));
server.listen(Number(port), '127.0.0.1', () => console.log(first));

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => console.log(renew(line === 'drop' ? 1 : KEPT)));
lines.on('close', () => process.exit(0));
