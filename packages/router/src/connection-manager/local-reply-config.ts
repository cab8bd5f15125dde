import type { LocalReplyConfig } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { readSource } from "../data-source.js";
import type { LocalReply } from "../decision.js";
import { RequestFacts } from "../facts.js";
import { type BodyFormat, compileBodyFormat } from "../format/body.js";
import type { FormatInput } from "../format/values.js";
import { HeaderFields } from "../header/fields.js";
import { applyMutation, compileMutation, type HeaderMutation } from "../header/mutation.js";
import { frameReply } from "../local-reply.js";
import type { RouteRequest } from "../request.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { type AccessFilter, compileAccessFilter } from "./access-filter.js";

/** What is known of a local reply besides its fields, for filters and formats of `local_reply_config`. */
export interface ReplyContext {
  /** RESPONSE_CODE_DETAILS. */
  readonly details: string;
  /** RESPONSE_FLAGS; `-` for none. */
  readonly flags: string;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Rewrites answers that the proxy makes itself. */
export interface LocalReplyRules {
  rewrite(reply: LocalReply, request: RouteRequest, context: ReplyContext): LocalReply;
}

interface Mapper {
  readonly filter: AccessFilter;
  readonly status: number | undefined;
  readonly body: string | undefined;
  readonly mutation: HeaderMutation | undefined;
  readonly format: BodyFormat | undefined;
}

/** Compiles `local_reply_config`: the first mapper whose filter holds changes status, fields and body; then a format writes the body. */
export function compileLocalReplies(
  config: LocalReplyConfig | undefined,
  scope: Scope,
  surroundings: Surroundings,
): LocalReplyRules {
  if (config === undefined) return { rewrite: (reply) => reply };
  const mappers = (config.mappers ?? []).map((mapper, i): Mapper => {
    const where = scope.item("mappers", i);
    return {
      filter: compileAccessFilter(mapper.filter, where.field("filter"), surroundings),
      status: mapper.statusCode,
      body: mapper.body === undefined ? undefined : readSource(mapper.body, where.field("body"), surroundings),
      mutation: compileMutation(mapper.headersToAdd, undefined, "response", where, surroundings),
      format:
        mapper.bodyFormatOverride === undefined
          ? undefined
          : compileBodyFormat(mapper.bodyFormatOverride, where.field("body_format_override"), surroundings),
    };
  });
  const format =
    config.bodyFormat === undefined
      ? undefined
      : compileBodyFormat(config.bodyFormat, scope.field("body_format"), surroundings);
  return {
    rewrite(reply, request, context) {
      const facts = new RequestFacts(request, { random: () => 0, now: context.now }, false);
      const { original } = reply;
      const fields = new HeaderFields("response", original.headers);
      const view = { method: request.method, scheme: request.scheme, authority: request.authority, path: request.path };
      const input = (status: number, body: string): FormatInput => ({
        facts,
        request: { ...view, fields: new HeaderFields("request", request.headers) },
        response: fields,
        status,
        details: context.details,
        flags: context.flags,
        attempt: 1,
        body,
      });
      const mapper = mappers.find((one) => one.filter(input(original.status, original.body)));
      const status = mapper?.status ?? original.status;
      const plain = mapper?.body ?? original.body;
      if (mapper?.mutation !== undefined) applyMutation(mapper.mutation, fields, input(status, plain));
      const write = mapper?.format ?? format;
      const body = write === undefined ? plain : write.format(input(status, plain));
      // A body that was written anew takes its content type along.
      const type = body === original.body ? undefined : (write?.contentType ?? "text/plain");
      return frameReply({ status, headers: fields.toList(), body }, facts, type);
    },
  };
}
