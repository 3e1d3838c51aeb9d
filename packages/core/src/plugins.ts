import { isManError, nearest } from '@man/base';
import * as tf from '@tensorflow/tfjs';
import type { AuxiliaryNetwork, AuxSite, BlockStep, CutSite, PluginOption, Shape, TrainerPlugin } from './contracts.ts';
import { buildNotOnce, gradientCount, hookAsync, hookFailed, pluginInvalid, pluginMissing } from './errors.ts';

const MEMBERS: readonly string[] = [
  'name',
  'needs',
  'setup',
  'featureShape',
  'buildAux',
  'afterBackward',
  'afterBlockStep',
  'afterStep',
  'onEpochStart',
  'onProgress',
  'onEvaluateStart',
  'onEvaluateEnd',
  'onEpochEnd',
  'onSavePoint',
  'onFitEnd',
  'onError',
  'state',
  'saveState',
  'loadState',
  'dispose',
];

type SyncHook = 'afterBackward' | 'afterBlockStep' | 'afterStep';
type AsyncHook =
  | 'setup'
  | 'onEpochStart'
  | 'onProgress'
  | 'onEvaluateStart'
  | 'onEvaluateEnd'
  | 'onEpochEnd'
  | 'onSavePoint'
  | 'onFitEnd'
  | 'onError';
type EventOf<H extends SyncHook | AsyncHook> = Parameters<NonNullable<TrainerPlugin[H]>>[0];

/** Called with every hook that runs, before it runs: `trace(plugin, hook)`. Makes questions of order testable. */
export type Trace = (plugin: string, hook: string) => void;

const FORWARD: ReadonlySet<string> = new Set(['setup', 'onEpochStart', 'onEvaluateStart']);

/** The plugins of a run, checked and bound once: a hook that nobody implements costs nothing per step. */
export class Plugins {
  readonly list: readonly TrainerPlugin[];
  readonly #trace: Trace | undefined;
  readonly #bound = new Map<string, readonly { readonly plugin: string; run(event: unknown): unknown }[]>();

  /** @throws MAN_CORE_PLUGIN, MAN_CORE_PLUGIN_MISSING */
  constructor(options: PluginOption, trace?: Trace) {
    this.list = flatten(options);
    this.#trace = trace;
    const names = new Set<string>();
    for (const plugin of this.list) check(plugin, names);
    for (const { name, needs = [] } of this.list) for (const needed of needs) if (!names.has(needed)) throw pluginMissing(name, needed);
  }

  /** Runs a hook of a step. @throws MAN_CORE_HOOK_ASYNC, MAN_CORE_HOOK_FAILED */
  runSync<H extends Exclude<SyncHook, 'afterBackward'>>(hook: H, event: EventOf<H>): void {
    for (const { plugin, run } of this.#of(hook)) this.#callSync(plugin, hook, () => run(event));
  }

  /**
   * Runs `afterBackward`, each plugin with the gradients that the one before left; what was replaced is disposed of.
   *
   * @returns the gradients to apply
   * @throws MAN_CORE_HOOK_ASYNC, MAN_CORE_HOOK_FAILED, MAN_CORE_GRADIENTS
   */
  afterBackward(event: BlockStep): BlockStep['gradients'] {
    let { gradients } = event;
    let returned: unknown;
    try {
      for (const { plugin, run } of this.#of('afterBackward')) {
        returned = this.#callSync(plugin, 'afterBackward', () => run({ ...event, gradients }));
        if (!Array.isArray(returned)) continue;
        const replaced = returned as BlockStep['gradients'];
        if (replaced.length !== gradients.length) throw gradientCount(plugin, event.block.index + 1, gradients.length, replaced.length);
        for (const gradient of gradients) if (!replaced.includes(gradient)) gradient?.dispose();
        gradients = replaced;
      }
      return gradients;
    } catch (error) {
      tf.dispose([gradients, returned] as tf.TensorContainer);
      throw error;
    }
  }

  /** Whether any plugin implements the hook, so that its event need not be made for nobody. */
  has(hook: SyncHook | AsyncHook): boolean {
    return this.#of(hook).length > 0;
  }

  /** Runs a hook outside of steps, one plugin after the other. @throws MAN_CORE_HOOK_FAILED */
  async run<H extends AsyncHook>(hook: H, event: EventOf<H> | ((plugin: string) => EventOf<H>)): Promise<void> {
    for (const { plugin, run } of this.#of(hook)) {
      const own = hook === 'setup' ? (event as (plugin: string) => unknown)(plugin) : event;
      try {
        await this.#call(plugin, hook, () => run(own));
      } catch (error) {
        throw wrap(plugin, hook, error);
      }
    }
  }

  /** Builds an auxiliary network through the onion of `buildAux`: the first plugin of the list is outermost. */
  buildAux(site: AuxSite, build: (site: AuxSite) => AuxiliaryNetwork): AuxiliaryNetwork {
    const onion = this.list.reduceRight((inner: (site: AuxSite) => AuxiliaryNetwork, plugin) => {
      if (plugin.buildAux === undefined) return inner;
      return (own: AuxSite) => {
        let calls = 0;
        let wrapped: AuxiliaryNetwork | undefined;
        const counted = (changed: AuxSite) => {
          calls++;
          if (calls > 1) throw buildNotOnce(plugin.name, site.block.index + 1, calls);
          wrapped = inner(changed);
          return wrapped;
        };
        try {
          const built = this.#call(plugin.name, 'buildAux', () => plugin.buildAux?.(own, counted));
          if (calls !== 1 || built === undefined) throw buildNotOnce(plugin.name, site.block.index + 1, calls);
          return built;
        } catch (error) {
          wrapped?.dispose();
          throw error;
        }
      };
    }, build);
    return onion(site);
  }

  /** Shape of the features that the local loss itself will be given behind a cut. */
  featureShape(site: CutSite): Shape {
    const changing = this.list.filter((plugin) => plugin.featureShape !== undefined);
    return changing.reduce(
      (featureShape, plugin) =>
        this.#call(plugin.name, 'featureShape', () => plugin.featureShape?.({ ...site, featureShape })) ?? featureShape,
      site.featureShape,
    );
  }

  /** Disposes of all plugins, last first; the first error is thrown when all are. @throws MAN_CORE_HOOK_FAILED */
  dispose(): void {
    const errors: unknown[] = [];
    for (const plugin of [...this.list].reverse()) {
      if (plugin.dispose === undefined) continue;
      try {
        this.#call(plugin.name, 'dispose', () => plugin.dispose?.());
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  #of(hook: SyncHook | AsyncHook) {
    let bound = this.#bound.get(hook);
    if (bound === undefined) {
      const ordered = FORWARD.has(hook) ? this.list : [...this.list].reverse();
      bound = ordered
        .filter((plugin) => plugin[hook] !== undefined)
        .map((plugin) => ({ plugin: plugin.name, run: (plugin[hook] as (event: unknown) => unknown).bind(plugin) }));
      this.#bound.set(hook, bound);
    }
    return bound;
  }

  #callSync(plugin: string, hook: SyncHook, f: () => unknown): unknown {
    const result = this.#call(plugin, hook, f);
    if (isThenable(result)) throw hookAsync(plugin, hook);
    return result;
  }

  #call<R>(plugin: string, hook: string, f: () => R): R {
    this.#trace?.(plugin, hook);
    try {
      return f();
    } catch (error) {
      throw wrap(plugin, hook, error);
    }
  }
}

function flatten(options: PluginOption): TrainerPlugin[] {
  if (Array.isArray(options)) return (options as readonly PluginOption[]).flatMap(flatten);
  return options ? [options as TrainerPlugin] : [];
}

function check(plugin: TrainerPlugin, names: Set<string>): void {
  if (typeof plugin !== 'object' || typeof plugin.name !== 'string' || plugin.name === '')
    throw pluginInvalid(
      `${JSON.stringify(plugin)} without a name`,
      'a plugin is an object: { name, …hooks }; factories must be called: man(), not man',
    );
  if (names.has(plugin.name)) throw pluginInvalid(`'${plugin.name}' twice`, `give one of them another name`);
  names.add(plugin.name);
  for (const member of members(plugin)) {
    if (MEMBERS.includes(member)) continue;
    const near = nearest(member, MEMBERS)[0];
    throw pluginInvalid(
      `'${plugin.name}' with the unknown member '${member}'`,
      near === undefined ? `known members: ${MEMBERS.join(', ')}` : `did you mean '${near}'?`,
    );
  }
}

/** Own members; of a class instance also its methods, but not what is private by convention. */
function members(plugin: TrainerPlugin): string[] {
  const prototype = Object.getPrototypeOf(plugin) as object;
  const inherited = prototype === Object.prototype ? [] : Object.getOwnPropertyNames(prototype);
  return prototype === Object.prototype
    ? Object.keys(plugin)
    : inherited.filter((name) => name !== 'constructor' && /^(on|after|before)[A-Z]/.test(name));
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

function wrap(plugin: string, hook: string, error: unknown): unknown {
  return isManError(error) ? error : hookFailed(plugin, hook, error);
}
