// An OpenID provider for the tests: node provider.mjs <configuration file>. Prints a line when it listens.
// Configuration: {port, issuer, keys: [private JWK], redirectUri, audience, people: {id: claims}}.
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const configuration = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { port, issuer, keys, redirectUri, audience, people } = configuration;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'rotunda',
      client_secret: 'a secret that only the two of us know',
      redirect_uris: [redirectUri],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    },
    {
      client_id: 'erp',
      client_secret: 'another secret that only the two of us know',
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
    },
  ],
  jwks: { keys },
  cookies: { keys: ['only for tests'] },
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'groups'] },
  scopes: ['openid', 'email', 'profile', 'api'],
  findAccount: (_context, id) => (people[id] ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined),
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        scope: 'api',
        audience: resource === audience ? audience : 'someone else',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: keys[0].alg } },
      }),
    },
  },
});

provider.listen(port, '127.0.0.1', () => console.log('listening'));
