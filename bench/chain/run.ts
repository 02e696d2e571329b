import { benchHttp, type HttpOptions, type HttpResult } from '../http.ts';
import { WorkFolder } from '../lib/work-folder.ts';
import { chainWork } from '../lib/works.ts';
import { haproxyChain } from './haproxy.ts';
import { nginxChain } from './nginx.ts';
import { portreeveChain } from './portreeve.ts';
import { issueTokens, PAGE } from './tokens.ts';

/** What an API commonly has at once: JWT, rate limit, CORS, header changes, access log, metrics. */
export async function benchChain(options: Omit<HttpOptions, 'works' | 'peers'>): Promise<HttpResult[]> {
  const { pem, tokens } = issueTokens();
  const folder = new WorkFolder();
  try {
    const tokensFile = folder.write('tokens', `${tokens.join('\n')}\n`);
    return await benchHttp({
      ...options,
      works: [chainWork(tokensFile, PAGE)],
      peers: [portreeveChain(pem), nginxChain, haproxyChain(pem)],
    });
  } finally {
    folder.delete();
  }
}
