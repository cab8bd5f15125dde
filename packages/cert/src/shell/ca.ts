import type { Ca, CaOptions } from "../ca.js";
/** Makes a CA with a new self-signed root. */
export declare function createCa(options: CaOptions): Ca;
