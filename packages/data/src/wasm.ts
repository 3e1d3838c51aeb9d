/** The memory of a module. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** The part of WebAssembly that is used here; the types of Node do not have it. */
interface Api {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

/** Compiles a module and starts it; gives what it exports. */
export function wasm<T>(bytes: Uint8Array, imports: object = {}): T {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;
  return new Instance(new Module(bytes), imports).exports as T;
}
