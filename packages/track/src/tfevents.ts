/**
 * TensorBoard's event files: records of TFRecord, each an `Event` of protocol buffers. Three small messages are written by hand: a library
 * for protocol buffers would be a hundred times this file.
 *
 * @see tensorboard/compat/proto/event.proto and summary.proto
 */

/** An event: numbers by tag at a step, the version of the format, or the start of a session, behind which steps are done again. */
export interface TfEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion?: string;
  readonly isSessionStart?: boolean;
  readonly scalars?: readonly (readonly [tag: string, value: number])[];
}

/** An event as a record: length, its checksum, data, their checksum. */
export function encodeRecord(event: TfEvent): Uint8Array {
  const data = encodeEvent(event);
  const record = Buffer.alloc(data.length + 16);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc(data), 12 + data.length);
  return record;
}

function encodeEvent({ wallTime, step, fileVersion, isSessionStart, scalars }: TfEvent): Buffer {
  const parts = [double(1, wallTime), varintField(2, step)];
  if (fileVersion !== undefined) parts.push(bytes(3, Buffer.from(fileVersion)));
  if (scalars !== undefined) {
    const values = scalars.map(([tag, value]) => bytes(1, Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)])));
    parts.push(bytes(5, Buffer.concat(values)));
  }
  if (isSessionStart === true) parts.push(bytes(7, varintField(1, 1)));
  return Buffer.concat(parts);
}

const Wire = { Varint: 0, Double: 1, Bytes: 2, Float: 5 } as const;

function varint(value: number): Buffer {
  const found: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) found.push((rest % 128) | 128);
  found.push(rest);
  return Buffer.from(found);
}

const key = (field: number, wire: number) => varint(field * 8 + wire);
const varintField = (field: number, value: number) => Buffer.concat([key(field, Wire.Varint), varint(value)]);
const bytes = (field: number, data: Uint8Array) => Buffer.concat([key(field, Wire.Bytes), varint(data.length), data]);

function double(field: number, value: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(value);
  return Buffer.concat([key(field, Wire.Double), data]);
}

function float(field: number, value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return Buffer.concat([key(field, Wire.Float), data]);
}

/** CRC-32C (Castagnoli), which Node's zlib does not have. */
const TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** Checksum of CRC-32C. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** TFRecord's masking, so that checksums of data that hold checksums stay good ones. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
