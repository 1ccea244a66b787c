# R's VIFs (car) and partial residuals of the recorded models: Rscript validation.R FOLDER reads the files of make.R there
# and writes ../recorded_validation.json.
suppressMessages({library(jsonlite);library(car)})
dir<-commandArgs(TRUE)[1]
families<-list(poisson=poisson,quasipoisson=quasipoisson,bernoulli=binomial,binomial=binomial,gaussian=gaussian,gamma=Gamma,inverse_gaussian=inverse.gaussian)
out<-list()
for(path in sort(list.files(dir,"\\.json$"))){
  f<-fromJSON(file.path(dir,path)); if(is.null(f$kind)||f$kind!="glm"||is.null(f$hc0)) next
  d<-as.data.frame(f$data,stringsAsFactors=FALSE)
  for(n in names(f$levels)) d[[n]]<-factor(d[[n]],levels=f$levels[[n]])
  d$.w<-if(length(f$weights)) f$weights else rep(1,nrow(d)); d$.o<-if(length(f$offset)) f$offset else rep(0,nrow(d))
  m<-eval(bquote(glm(.(as.formula(f$formula)),family=families[[f$family]](link=f$link),data=d,weights=.w,offset=.o,control=glm.control(epsilon=1e-14,maxit=500))))
  p<-residuals(m,type="partial"); r<-list(term=colnames(p),partial=lapply(seq_len(ncol(p)),function(j) unname(p[,j])))
  if(ncol(p)>1){ v<-vif(m); if(is.null(dim(v))) v<-cbind(v,1,sqrt(v)); r$vif<-list(term=rownames(v),gvif=unname(v[,1]),df=unname(v[,2]),scaled=unname(v[,3])) }
  out[[f$name]]<-r; cat(f$name,"\n")
}
write_json(out,file.path(dir,"..","recorded_validation.json"),digits=I(17),auto_unbox=TRUE,na="null")
