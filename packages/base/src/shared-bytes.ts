/**
 * Zeroed memory that threads can share without a copy; ordinary memory where there is none to share, as on a page that is not isolated.
 *
 * @param length bytes
 */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(length) : new SharedArrayBuffer(length));
}
