interface Try {
  readonly what: string;
  readonly command: string;
}

/** What `npm start` shows: commands that work as they stand, from the root of the checkout. */
export function commandsToTry(gateway: string, admin: string): readonly Try[] {
  const base = `http://${gateway}`;
  return [
    { what: 'a route with a path rewrite', command: `curl -i ${base}/api/users/1` },
    {
      what: 'nine in ten from version 1',
      command: `for i in 1 2 3 4 5 6 7 8 9 10; do curl -s ${base}/api/catalog/2; done`,
    },
    { what: 'the canary', command: `curl -s ${base}/api/catalog/2 -H 'x-canary: always'` },
    { what: 'a redirect', command: `curl -si ${base}/products/3 | grep -i location` },
    { what: 'a time-out of one second', command: `curl -i ${base}/api/users/1/report` },
    { what: 'no such route', command: `curl -i ${base}/nowhere` },
    { what: 'server-sent events', command: `curl -N ${base}/events` },
    { what: 'a WebSocket', command: `npx node examples/shop/chat.ts ws://${gateway}/chat` },
    {
      what: 'which route would take it, and why',
      command: `npm run -s portreeve -- explain GET ${base}/api/catalog/2 -H 'x-canary: always' --config examples/shop/gateway.d`,
    },
    {
      what: 'a change, live',
      command: `sed -i 's/Welcome to/Hello from/' examples/shop/gateway.d/welcome.yaml; sleep 1; curl ${base}/`,
    },
    { what: 'metrics', command: `curl -s http://${admin}/metrics | grep gateway_requests_total` },
    { what: 'what is being served', command: `curl -s http://${admin}/config` },
  ];
}
