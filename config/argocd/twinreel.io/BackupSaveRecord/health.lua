local status = obj.status or {}
local text = obj.spec.type .. " of " .. obj.spec.job.namespace .. "/" .. obj.spec.job.name
local ended = status.result or status.outcome
if ended == "Failed" or ended == "Cancelled" or ended == "Abandoned" then
  if status.reason ~= nil and status.reason ~= "" then text = text .. ": " .. status.reason end
  -- A lost stream is no lost backup: the job says whether it has enough copies.
  return { status = "Healthy", message = text .. ", " .. ended }
end
if ended == "Succeeded" then return { status = "Healthy", message = text .. ", " .. ended } end
return { status = "Progressing", message = text .. ", being written" }
