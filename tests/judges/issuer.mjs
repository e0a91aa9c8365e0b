// An issuer of OpenID Connect that keeps to the letter of the standards (npm oidc-provider): `node issuer.mjs CONFIG`.
// CONFIG is JSON: port, redirectUri, leftUri, logoutUri, secret. It prints its address, then a line for each refusal, and ends
// when its standard input does.
import Provider from 'oidc-provider';

const config = JSON.parse(process.argv[2]);
const address = `http://127.0.0.1:${config.port}`;

const provider = new Provider(address, {
  clients: [{
    client_id: 'rollcall',
    client_secret: config.secret,
    redirect_uris: [config.redirectUri],
    post_logout_redirect_uris: [config.leftUri],
    backchannel_logout_uri: config.logoutUri,
    backchannel_logout_session_required: true,
    require_auth_time: true,
  }],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  claims: { openid: ['sub'], profile: ['name', 'groups'], auth_time: null, sid: null },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: 'Ada Lindqvist', groups: ['crew'] }) }),
  // Its own way to fetch refuses loopback.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['of this run alone'] },
});
for (const event of ['authorization.error', 'grant.error', 'backchannel.error', 'server_error']) {
  provider.on(event, (_, error) => console.log(`${event}: ${error.message} ${error.cause ?? ''} ${error.error_description ?? ''}`));
}
provider.listen(config.port, '127.0.0.1', () => console.log(address));
process.stdin.on('end', () => process.exit(0)).resume();
