//! Chat, search, a typed error and a deadline with tonic. TRIMTAB_ADDRESS: host:port, default localhost:50051.
#[allow(dead_code)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/trimtab.rs"));
}
use proto::trimtab::gateway::v1::{gateway_service_client::GatewayServiceClient, generate_response::Event, *};
use proto::trimtab::steering::v1::{Dose, SteeringUse, dose};
use proto::trimtab::r#type::v1::{ChatMessage, SamplingParameters};
use tonic_types::StatusExt;

fn ask(content: &str, max_tokens: u32, temperature: f32) -> GenerationSpec {
    let message = ChatMessage { role: "user".into(), content: content.into(), ..Default::default() };
    let conversation = Conversation { messages: vec![message], ..Default::default() };
    GenerationSpec {
        prompt: Some(generation_spec::Prompt::Conversation(conversation)),
        max_tokens,
        sampling: Some(SamplingParameters { temperature: Some(temperature), seed: Some(0), ..Default::default() }),
        ..Default::default()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("TRIMTAB_ADDRESS").unwrap_or("localhost:50051".into());
    let mut client = GatewayServiceClient::connect(format!("http://{address}")).await?;
    let (positive, negative) = (vec!["I love this wonderful day!".into()], vec!["I hate this awful day.".into()]);
    let request = ExtractVectorRequest { name: "cheerful".into(), positive, negative, ..Default::default() };
    client.extract_vector(request).await?;

    let dose = Some(Dose { dose: Some(dose::Dose::Relative(0.02)) });
    let r#use = Some(SteeringUse { direction: "cheerful".into(), dose, ..Default::default() });
    let steering = Some(SteeringOptions { r#use, ..Default::default() });
    let chat = GenerationSpec { steering, ..ask("How was your day?", 32, 0.0) };
    let mut events = client.generate(GenerateRequest { spec: Some(chat) }).await?.into_inner();
    while let Some(response) = events.message().await? {
        if let Some(Event::Delta(delta)) = response.event {
            print!("{}", delta.text);
        }
    }

    let budget = Some(ScalingBudget { candidates: 4, ..Default::default() });
    let scaling = Some(ScalingOptions { strategy: "self-consistency".into(), budget, ..Default::default() });
    let search = GenerationSpec { scaling, ..ask("What is 3 + 4?", 32, 0.5) };
    let found = client.complete(CompleteRequest { spec: Some(search) }).await?.into_inner();
    let best = &found.search.ok_or("no search")?.answers[0];
    println!("\nsearch: {} with {} votes", best.answer, best.votes);

    let refused = client.complete(CompleteRequest { spec: Some(ask("Hello", 8, 9.0)) }).await.unwrap_err();
    let info = refused.get_details_error_info().ok_or("no details")?;
    println!("error: {} in {}", info.reason, info.metadata["field"]);

    let mut late = tonic::Request::new(CompleteRequest { spec: Some(ask("Tell me a long story.", 1000, 0.0)) });
    late.set_timeout(std::time::Duration::from_millis(100));
    // Who notices first says it: the server (DeadlineExceeded) or the client (Cancelled).
    println!("deadline: {:?}", client.complete(late).await.unwrap_err().code());
    Ok(())
}
