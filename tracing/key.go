package tracing

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// Every attribute key, event and metric name that this package writes is in
// this file. docs/stability.md says which of them are API.

// Names that OpenTelemetry's conventions define.
const (
	keyOperation        = semconv.GenAIOperationNameKey
	keyProvider         = semconv.GenAIProviderNameKey
	keyConversation     = semconv.GenAIConversationIDKey
	keyOutputType       = semconv.GenAIOutputTypeKey
	keyWorkflow         = semconv.GenAIWorkflowNameKey
	keyAgent            = semconv.GenAIAgentNameKey
	keyAgentDescription = semconv.GenAIAgentDescriptionKey
	keyTool             = semconv.GenAIToolNameKey
	keyToolCallID       = semconv.GenAIToolCallIDKey
	keyToolDescription  = semconv.GenAIToolDescriptionKey
	keyToolType         = semconv.GenAIToolTypeKey
	keyToolArguments    = semconv.GenAIToolCallArgumentsKey
	keyToolResult       = semconv.GenAIToolCallResultKey
	keyDataSource       = semconv.GenAIDataSourceIDKey
	keyTopK             = semconv.GenAIRequestTopKKey
	keyQuery            = semconv.GenAIRetrievalQueryTextKey
	keyDocuments        = semconv.GenAIRetrievalDocumentsKey
	keyDimensions       = semconv.GenAIEmbeddingsDimensionCountKey
	keyEncodings        = semconv.GenAIRequestEncodingFormatsKey
	keyRequestModel     = semconv.GenAIRequestModelKey
	keyStream           = attribute.Key("gen_ai.request.stream")
	keyChoices          = semconv.GenAIRequestChoiceCountKey
	keySeed             = semconv.GenAIRequestSeedKey
	keyMaxTokens        = semconv.GenAIRequestMaxTokensKey
	keyTemperature      = semconv.GenAIRequestTemperatureKey
	keyTopP             = semconv.GenAIRequestTopPKey
	keyFrequencyPenalty = semconv.GenAIRequestFrequencyPenaltyKey
	keyPresencePenalty  = semconv.GenAIRequestPresencePenaltyKey
	keyStop             = semconv.GenAIRequestStopSequencesKey
	keyResponseID       = semconv.GenAIResponseIDKey
	keyResponseModel    = semconv.GenAIResponseModelKey
	keyFinishReasons    = semconv.GenAIResponseFinishReasonsKey
	keyFirstChunk       = semconv.GenAIResponseTimeToFirstChunkKey
	keyInputTokens      = semconv.GenAIUsageInputTokensKey
	keyOutputTokens     = semconv.GenAIUsageOutputTokensKey
	keyCacheRead        = semconv.GenAIUsageCacheReadInputTokensKey
	keyCacheWrite       = semconv.GenAIUsageCacheCreationInputTokensKey
	keyReasoning        = semconv.GenAIUsageReasoningOutputTokensKey
	keyInstructions     = semconv.GenAISystemInstructionsKey
	keyInputMessages    = semconv.GenAIInputMessagesKey
	keyOutputMessages   = semconv.GenAIOutputMessagesKey
	keyToolDefinitions  = semconv.GenAIToolDefinitionsKey
	keyTokenType        = semconv.GenAITokenTypeKey
	keyAPIType          = semconv.OpenAIAPITypeKey
	keyRequestTier      = semconv.OpenAIRequestServiceTierKey
	keyResponseTier     = semconv.OpenAIResponseServiceTierKey
	keyFingerprint      = semconv.OpenAIResponseSystemFingerprintKey
	keyErrorType        = semconv.ErrorTypeKey
	keyServerAddress    = semconv.ServerAddressKey
	keyServerPort       = semconv.ServerPortKey
	keyResends          = semconv.HTTPRequestResendCountKey
	keySession          = semconv.SessionIDKey
	keyUser             = semconv.UserIDKey
	keyExceptionType    = semconv.ExceptionTypeKey
	keyExceptionMessage = semconv.ExceptionMessageKey
	keyExceptionStack   = semconv.ExceptionStacktraceKey

	// From the conventions after 1.41, safe to use today.
	keyMemoryRecords = attribute.Key("gen_ai.memory.record.count")
	keyPrevious      = attribute.Key("gen_ai.request.previous_response.id")
	keyAudioInput    = attribute.Key("gen_ai.usage.audio.input_tokens")
	keyImageInput    = attribute.Key("gen_ai.usage.image.input_tokens")
	keyAudioOutput   = attribute.Key("gen_ai.usage.audio.output_tokens")

	// Read by several backends, defined by none: the call's cost in USD.
	keyCost = attribute.Key("gen_ai.usage.cost")
)

// Our own names.
const (
	keyRunKind       = attribute.Key("callspan.run.kind")
	keyTags          = attribute.Key("callspan.tags")
	keyUsageSource   = attribute.Key("callspan.usage.source")  // "estimated" if counted here
	keyCostSource    = attribute.Key("callspan.cost.source")   // "provider" if the response told it
	keyUnpriced      = attribute.Key("callspan.cost.unpriced") // usage is known, its price is not
	keyStopped       = attribute.Key("callspan.stopped")       // the consumer broke off
	keyTokensSecond  = attribute.Key("callspan.output.tokens_per_second")
	keyLongestStall  = attribute.Key("callspan.output.longest_stall_s")
	keyChunks        = attribute.Key("callspan.output.chunks")
	keyAccepted      = attribute.Key("callspan.usage.accepted_prediction_tokens")
	keyRejected      = attribute.Key("callspan.usage.rejected_prediction_tokens")
	keyImages        = attribute.Key("callspan.usage.images")
	keyMemoryStore   = attribute.Key("callspan.memory.store")
	keyMsgsBefore    = attribute.Key("callspan.memory.messages_before")
	keyMsgsAfter     = attribute.Key("callspan.memory.messages_after")
	keyMemoryBefore  = attribute.Key("callspan.memory.tokens_before")
	keyMemoryAfter   = attribute.Key("callspan.memory.tokens_after")
	keyTotalInput    = attribute.Key("callspan.total.input_tokens")
	keyTotalOutput   = attribute.Key("callspan.total.output_tokens")
	keyTotalCached   = attribute.Key("callspan.total.cache_read_tokens")
	keyTotalReason   = attribute.Key("callspan.total.reasoning_tokens")
	keyTotalCost     = attribute.Key("callspan.total.cost_usd")
	keyTotalCalls    = attribute.Key("callspan.total.calls")
	keyTotalFailed   = attribute.Key("callspan.total.failed_calls")
	keyTotalRefused  = attribute.Key("callspan.total.refused_calls")
	keyTotalEstimate = attribute.Key("callspan.total.estimated_calls")
	keyTotalUnpriced = attribute.Key("callspan.total.unpriced_calls")
	keyTotalOpen     = attribute.Key("callspan.total.open_runs")

	prefixRequestHeader  = "http.request.header."  // + name in lower case
	prefixResponseHeader = "http.response.header." // likewise

	prefixMetadata    = "callspan.metadata."
	prefixPrompt      = "callspan.prompt."       // + source + suffixTokens
	prefixTotalPrompt = "callspan.total.prompt." // + source + suffixTokens
	suffixTokens      = "_tokens"

	keyTokenIndex   = attribute.Key("callspan.token.index")
	keyTokenOffsets = attribute.Key("callspan.token.offsets_us")
	keyTokenText    = attribute.Key("callspan.token.text")
	keyTokenChoice  = attribute.Key("callspan.token.choice")
	keyTokenChoices = attribute.Key("callspan.token.choices")
	keyContentCut   = attribute.Key("callspan.content_cut") // how many bytes of text were left out
	keyEndpoint     = attribute.Key("callspan.export.endpoint")
	keyFound        = attribute.Key("callspan.retrieval.found")        // how many documents
	keyDocumentIDs  = attribute.Key("callspan.retrieval.document_ids") // of the first 128
	keyScores       = attribute.Key("callspan.retrieval.scores")       // in the order of the ids
	keyInputs       = attribute.Key("callspan.embeddings.inputs")      // how many texts
	keyAttempt      = attribute.Key("callspan.retry.attempt")          // the number of the try that failed
	keyWait         = attribute.Key("callspan.retry.wait_s")
	keyEventName    = attribute.Key("callspan.event.name")
	keyEventData    = attribute.Key("callspan.event.data")
)

// Names of span events.
const (
	eventFirstToken = "first_token"
	eventToken      = "token"
	eventException  = "exception"
)

// Names of metrics.
const (
	metricTokens     = "gen_ai.client.token.usage"
	metricDuration   = "gen_ai.client.operation.duration"
	metricFirstChunk = "gen_ai.client.operation.time_to_first_chunk"
	metricPanics     = "callspan.callback.panics"
	metricEnded      = "callspan.export.spans_ended"
	metricArrived    = "callspan.export.spans_arrived"
)

// Values of keyOperation.
const (
	opChat         = "chat"
	opCompletion   = "text_completion"
	opGenerate     = "generate_content" // images and audio
	opWorkflow     = "invoke_workflow"
	opAgent        = "invoke_agent"
	opTool         = "execute_tool"
	opRetrieval    = "retrieval"
	opEmbeddings   = "embeddings"
	opMemorySearch = "search_memory"
	opMemoryCreate = "create_memory"
	opMemoryUpsert = "upsert_memory" // of a memory that rewrites what it has
	opMemoryDelete = "delete_memory"
)
