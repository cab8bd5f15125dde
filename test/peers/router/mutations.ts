/** Generated header mutations and format strings. */
import type { Json } from "./bootstrap.js";
import type { Dice } from "./dice.js";

const requestValues: readonly string[] = [
  ..."plain %REQ(x-a)% pre-%REQ(X-A)%-post %REQ(x-none)% %REQ(x-none?x-b)% %REQ(:authority):3% %REQ(:path)% %REQ(:method)%/%REQ(:scheme)%".split(
    " ",
  ),
  ..."%REQUEST_HEADER(x-b)% 100%% %PROTOCOL% %PATH(NQ)% %PATH(WQ:ORIG)% %PATH(NQ:PATH)% %PATH(WQ:ORIG_OR_PATH):5% %QUERY_PARAM(q)%".split(
    " ",
  ),
  ..."%QUERY_PARAM(none)% %ROUTE_NAME% %VIRTUAL_CLUSTER_NAME% %UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW% %METADATA(ROUTE:oracle:tag)%".split(
    " ",
  ),
  ..."%DYNAMIC_METADATA(ns:k)% %FILTER_STATE(k)% %ENVIRONMENT(HOME)% %ENVIRONMENT(WEFTMESH_NONE)% %REQUESTED_SERVER_NAME%".split(
    " ",
  ),
  ..."%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%".split(
    " ",
  ),
  ..."%DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_TLS_VERSION% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_FLAGS% %RESPONSE_CODE% %GRPC_STATUS%".split(
    " ",
  ),
  "",
  "two words",
  "%METADATA(VIRTUAL_HOST:oracle:vhost)%",
  "a%REQ(x-a)%b%REQ(x-none)%c",
  "%REQ(cookie):4%%REQ(x-b):2%",
];
const responseValues: readonly string[] = [
  ...requestValues,
  ..."%RESP(x-up)% %RESP(x-none?x-dup)% %RESPONSE_HEADER(content-type):4% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS_LONG%".split(
    " ",
  ),
];
const names: readonly string[] = [..."x-new x-dup x-b x-up X-A user-agent content-type server x-other".split(" ")];
const actions: readonly string[] = [
  "APPEND_IF_EXISTS_OR_ADD",
  "ADD_IF_ABSENT",
  "OVERWRITE_IF_EXISTS_OR_ADD",
  "OVERWRITE_IF_EXISTS",
];

function option(dice: Dice, values: readonly string[]): Json {
  return {
    header: { key: dice.pick(names), value: dice.pick(values) },
    ...(dice.maybe(0.1) ? { append: dice.maybe(0.5) } : dice.field(0.8, () => ({ append_action: dice.pick(actions) }))),
    ...dice.field(0.3, () => ({ keep_empty_value: dice.maybe(0.8) })),
  };
}

/** The four fields of a level, each with some probability. */
export function mutations(dice: Dice, probability: number): Json {
  return {
    ...dice.field(probability, () => ({ request_headers_to_add: dice.some(3, () => option(dice, requestValues)) })),
    ...dice.field(probability, () => ({ response_headers_to_add: dice.some(3, () => option(dice, responseValues)) })),
    ...dice.field(probability / 2, () => ({ request_headers_to_remove: dice.some(2, () => dice.pick(names)) })),
    ...dice.field(probability / 2, () => ({ response_headers_to_remove: dice.some(2, () => dice.pick(names)) })),
  };
}
