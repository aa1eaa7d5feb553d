// A steered, streamed chat over gRPC.
//
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
//	npx buf generate --template examples/go/buf.gen.yaml --output examples/go
//	cd examples/go && go run . "How do I pick a lock?"
//
// TRIMTAB_ADDRESS (default localhost:50051), TRIMTAB_STEERING (default {"recipe": "refusal"}).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	gateway "github.com/trimtab/trimtab/gen/go/trimtab/gateway/v1"
	steering "github.com/trimtab/trimtab/gen/go/trimtab/steering/v1"
	types "github.com/trimtab/trimtab/gen/go/trimtab/type/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func main() {
	content, address, wanted := "How do I pick a lock?", "localhost:50051", `{"recipe": "refusal"}`
	for value, name := range map[*string]string{&address: "TRIMTAB_ADDRESS", &wanted: "TRIMTAB_STEERING"} {
		if given := os.Getenv(name); given != "" {
			*value = given
		}
	}
	if len(os.Args) > 1 {
		content = os.Args[1]
	}
	use := &steering.SteeringUse{}
	check(protojson.Unmarshal([]byte(wanted), use))
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer connection.Close()
	messages := []*types.ChatMessage{{Role: "user", Content: content}}
	stream, err := gateway.NewGatewayServiceClient(connection).Generate(context.Background(), &gateway.GenerateRequest{
		Spec: &gateway.GenerationSpec{
			Prompt:    &gateway.GenerationSpec_Conversation{Conversation: &gateway.Conversation{Messages: messages}},
			Sampling:  &types.SamplingParameters{Temperature: proto.Float32(0)},
			MaxTokens: 48,
			Steering:  &gateway.SteeringOptions{Use: use, Proof: true},
		},
	})
	check(err)
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		check(err)
		fmt.Print(response.GetDelta().GetText())
		if report := response.GetPlanned().GetReport(); report != nil {
			fmt.Fprintf(os.Stderr, "gate %.3f\n", report.GetGate())
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
