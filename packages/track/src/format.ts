const NOTHING = '–';

/**
 * Bytes with a decimal unit (1 MB = 10⁶ bytes) and three significant digits.
 *
 * @example
 * ```ts
 * formatBytes(1_234_567); // '1.23 MB'
 * ```
 */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return NOTHING;
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = Math.abs(bytes);
  let unit = 0;
  // 999.5 would print as "1000" of its unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const text = unit === 0 ? String(Math.round(value)) : threeDigits(value);
  return `${bytes < 0 && Number(text) !== 0 ? '-' : ''}${text} ${units[unit]}`;
}

/**
 * Seconds as a person would say them: `0.42 s`, `12.3 s`, `12m 05s`, `3h 02m`, `2d 04h`.
 *
 * @example
 * ```ts
 * formatDuration(3725); // '1h 02m'
 * ```
 */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return NOTHING;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/**
 * Things per second, `images` unless named otherwise.
 *
 * @example
 * ```ts
 * formatRate(12345.6); // '12,346 images/s'
 * ```
 */
export function formatRate(perSecond: number, things = 'images'): string {
  return Number.isFinite(perSecond) ? `${formatCount(perSecond)} ${things}/s` : NOTHING;
}

/**
 * A share (0 … 1) in percent.
 *
 * @example
 * ```ts
 * formatPercent(0.9347); // '93.47 %'
 * ```
 */
export function formatPercent(share: number, digits = 2): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : NOTHING;
}

/** A number with thousands grouped; below 100 with three significant digits: `1,234,567`, `12.3`, `0.0123`. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (Number.isInteger(value) || Math.abs(value) >= 99.95) {
    return Math.round(value)
      .toString()
      .replace(/\B(?=(\d{3})+$)/g, ',');
  }
  return threeDigits(value);
}

/** A loss: four significant digits; what is not finite by its name. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss);
  const size = Math.abs(loss);
  if (size !== 0 && (size >= 99_995 || size < 0.0005)) return loss.toExponential(2);
  return loss.toFixed(size >= 999.5 ? 0 : size >= 99.995 ? 1 : size >= 9.9995 ? 2 : 3);
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  if (size >= 0.9995 || size === 0) return value.toFixed(2);
  return value.toPrecision(3);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
