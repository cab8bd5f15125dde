import { broken } from "./steps/broken.js";
import { canary } from "./steps/canary.js";
import { capture } from "./steps/capture.js";
import { header } from "./steps/header.js";
import { identity } from "./steps/identity.js";
import { mirror } from "./steps/mirror.js";
import { outlier } from "./steps/outlier.js";
import { retry } from "./steps/retry.js";
import { rotation } from "./steps/rotation.js";
import type { Step } from "./story.js";

/** The story, in order. */
export const STEPS: readonly Step[] = [canary, header, mirror, retry, outlier, broken, rotation, identity, capture];
