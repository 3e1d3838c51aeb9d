import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

/** A real Slurm of one node, on loopback. */
export interface OneNodeSlurm {
  /** What the commands of Slurm need to find it. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends its daemons and removes its files. */
  stop(): Promise<void>;
}

/** Why there can be no Slurm here; null where there can. */
export function whyNoSlurm(): string | null {
  if (process.getuid?.() !== 0) return 'its daemons need root';
  const missing = ['munged', 'slurmctld', 'slurmd', 'sbatch'].filter((name) => spawnSync('which', [name]).status !== 0);
  return missing.length === 0 ? null : `${missing.join(', ')} not installed (Debian: slurm-wlm, munge)`;
}

/**
 * Starts munged, slurmctld and slurmd with a configuration of their own in a temporary folder: a node with two cores and two pretended GPUs,
 * a partition `main`, and one `urgent` whose jobs preempt those of `main`.
 */
export async function startOneNodeSlurm(): Promise<OneNodeSlurm> {
  const folder = mkdtempSync(join(tmpdir(), 'one-node-slurm-'));
  // munged refuses a socket that others cannot reach, and a key that they can.
  chmodSync(folder, 0o755);
  for (const name of ['state', 'spool']) mkdirSync(join(folder, name), { mode: 0o755 });
  writeFileSync(join(folder, 'munge.key'), randomBytes(1024), { mode: 0o600 });
  for (const name of ['gpu0', 'gpu1']) writeFileSync(join(folder, name), '');
  writeFileSync(join(folder, 'gres.conf'), `AutoDetect=off\nName=gpu File=${folder}/gpu[0-1]\n`);
  const node = hostname().split('.')[0] as string;
  writeFileSync(join(folder, 'slurm.conf'), configuration(folder, node, await freePorts(2)));
  const env = { SLURM_CONF: join(folder, 'slurm.conf') };
  const munge = (name: string) => join(folder, `munge.${name}`);
  const daemons: ChildProcess[] = [
    spawn('munged', [
      '-F',
      `--key-file=${munge('key')}`,
      `--socket=${munge('socket')}`,
      `--pid-file=${munge('pid')}`,
      `--log-file=${munge('log')}`,
      `--seed-file=${munge('seed')}`,
    ]),
  ];
  await answers('munged answers', () => spawnSync('munge', ['-n', `--socket=${munge('socket')}`]).status === 0, folder);
  daemons.push(spawn('slurmctld', ['-D'], { env: { ...process.env, ...env }, stdio: 'ignore' }));
  daemons.push(spawn('slurmd', ['-D', '-N', node], { env: { ...process.env, ...env }, stdio: 'ignore' }));
  const idle = () =>
    spawnSync('sinfo', ['--noheader', '--format=%T'], { env: { ...process.env, ...env }, encoding: 'utf8' }).stdout.startsWith('idle');
  await answers('the node is idle', idle, folder);
  return {
    env,
    async stop() {
      execFileSync('scancel', ['--me'], { env: { ...process.env, ...env }, stdio: 'ignore' });
      for (const daemon of daemons.reverse()) await ended(daemon);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, node: string, [controller, daemon]: readonly number[]): string {
  const lines = {
    ClusterName: 'one',
    SlurmctldHost: `${node}(127.0.0.1)`,
    SlurmctldPort: controller,
    SlurmdPort: daemon,
    SlurmUser: 'root',
    SlurmdUser: 'root',
    AuthType: 'auth/munge',
    AuthInfo: `socket=${folder}/munge.socket`,
    StateSaveLocation: `${folder}/state`,
    SlurmdSpoolDir: `${folder}/spool`,
    SlurmctldPidFile: `${folder}/slurmctld.pid`,
    SlurmdPidFile: `${folder}/slurmd.pid`,
    SlurmctldLogFile: `${folder}/slurmctld.log`,
    SlurmdLogFile: `${folder}/slurmd.log`,
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: 'task/none',
    JobAcctGatherType: 'jobacct_gather/none',
    MpiDefault: 'none',
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_CPU',
    GresTypes: 'gpu',
    ReturnToService: 2,
    KillWait: 30,
    PreemptType: 'preempt/partition_prio',
    PreemptMode: 'REQUEUE',
    SchedulerParameters: 'batch_sched_delay=0,sched_interval=1,bf_interval=1',
    NodeName: `${node} NodeAddr=127.0.0.1 CPUs=2 RealMemory=${Math.floor(totalmem() / 2 ** 20)} Gres=gpu:2 State=UNKNOWN`,
  };
  const partitions = ['main Default=YES PriorityTier=1', 'urgent PriorityTier=10'].map(
    (name) => `PartitionName=${name} Nodes=ALL State=UP\n`,
  );
  return `${Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')}${partitions.join('')}`;
}

/** Ports that nobody listens at. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.on('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

async function answers(what: string, condition: () => boolean, folder: string): Promise<void> {
  for (let i = 0; i < 120; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const logs = ['munge.log', 'slurmctld.log', 'slurmd.log'].map((name) => {
    try {
      return `${name}:\n${readFileSync(join(folder, name), 'utf8').slice(-2000)}`;
    } catch {
      return `${name}: none`;
    }
  });
  throw new Error(`waited a minute until ${what}\n${logs.join('\n')}`);
}

/** Waits for a condition, however long it takes: the test has a limit of its own. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 100));
}

/**
 * Makes a task of an array begin that was handed in again. It would wait two minutes, unless somebody with the right to says otherwise.
 *
 * @param name its number
 */
export async function hurry({ env }: OneNodeSlurm, name: string): Promise<void> {
  const options = { encoding: 'utf8', env: { ...process.env, ...env } } as const;
  const waiting = new RegExp(`(\\d+_${name})\\|PENDING\\|BeginTime`);
  let found: string | undefined;
  await until(() => {
    found = waiting.exec(execFileSync('squeue', ['--array', '--noheader', '--format=%i|%T|%r'], options))?.[1];
    return found !== undefined;
  });
  execFileSync('scontrol', ['update', `JobId=${found}`, 'StartTime=now'], options);
}
