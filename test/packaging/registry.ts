import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanEnvironment, runWell } from '../run.ts';
import { type Manifest, readJson } from '../workspace.ts';

/** A registry of npm on this machine, for as long as a test runs. */
export interface Registry {
  readonly url: string;
  /** What the registry itself says of its package. */
  readonly manifest: Manifest;
  /** Lets npm ask this registry for everything, with a cache and a configuration of its own. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const VERDACCIO = '6.8.0';

/** Verdaccio names this one by a tag, `cjs`, which not every registry passes on. */
const OVERRIDES = { 'node-fetch': '2.7.0' };

/**
 * Installs verdaccio into a folder and starts it. Packages of ours are those that are published to it; all others it takes from where npm of this
 * machine takes them.
 */
export async function startRegistry(folder: string): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'registry', private: true, overrides: OVERRIDES }));
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await runWell('npm', ['install', ...flags, `verdaccio@${VERDACCIO}`], { cwd: folder, timeoutMs: 550_000 });
  const upstream = (await runWell('npm', ['config', 'get', 'registry'], { cwd: folder })).stdout.trim();
  const port = await freePort();
  writeFileSync(join(folder, 'config.yaml'), configuration(upstream));
  const home = join(folder, 'node_modules/verdaccio');
  const args = [join(home, 'bin/verdaccio'), '--config', join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`];
  const server = spawn(process.execPath, args, { cwd: folder, env: cleanEnvironment(), stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}/`;
  try {
    await answering(server, `${url}-/ping`);
  } catch (error) {
    server.kill();
    throw error;
  }
  // Publishing needs a token; this registry takes any.
  writeFileSync(join(folder, 'npmrc'), `//127.0.0.1:${port}/:_authToken=anybody\n`);
  return {
    url,
    manifest: readJson(join(home, 'package.json')),
    env: { npm_config_registry: url, npm_config_userconfig: join(folder, 'npmrc'), npm_config_cache: join(folder, 'cache') },
    stop: () => stopped(server),
  };
}

const configuration = (upstream: string) => `storage: ./storage
uplinks:
  upstream:
    url: ${upstream}
    timeout: 120s
packages:
  '@man/*': { access: $all, publish: $all }
  'create-man-plugin': { access: $all, publish: $all }
  '**': { access: $all, proxy: upstream }
auth:
  htpasswd: { file: ./htpasswd }
max_body_size: 50mb
log: { type: stdout, level: fatal }
`;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject).listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function answering(server: ChildProcess, url: string): Promise<void> {
  for (let i = 0; i < 240 && server.exitCode === null; i++) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok === true) return;
    await sleep(500);
  }
  throw new Error(`verdaccio does not answer (exit code ${server.exitCode})`);
}

function stopped(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    server.on('exit', () => resolve());
    server.kill();
  });
}
